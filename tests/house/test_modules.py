"""The package as Python sees it."""

import importlib
import pkgutil

import llamawatt
from tests.house.tree import ROOT, SOURCE

NAMES = sorted(
    module.name
    for module in pkgutil.walk_packages(llamawatt.__path__, "llamawatt.")
    if not module.name.endswith("__main__")
)


def test_every_module_imports_without_a_warning_and_says_what_it_is_for():
    assert len(NAMES) > 50
    silent = [name for name in NAMES if not importlib.import_module(name).__doc__]
    assert silent == []


def test_every_room_has_its_tests():
    rooms = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").is_file()}
    tested = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert rooms - tested == set()


def test_the_package_is_typed():
    assert (SOURCE / "py.typed").is_file()
