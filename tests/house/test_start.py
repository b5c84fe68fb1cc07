"""`llamawatt --help` answers at once: nothing heavy is imported before a command needs it."""

import json
import os
import statistics
import subprocess
import sys

import pytest

from tests.house.tree import SOURCE

HEAVY = {
    "gguf", "httpx", "huggingface_hub", "jinja2", "matplotlib", "numpy", "pyarrow",
    "pynvml", "scipy", "selenium", "xllamacpp", "zeus",
}  # fmt: skip
HELP = "import sys; from llamawatt.cli.main import main; code = main(['--help'])"
BARE = "import typer, rich, rich.console"
RATIO_MAX = 1.8
"""CPU time of the whole help over that of importing the two libraries that every command needs."""
N_PAIRS = 7


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )


def cpu_s(code: str) -> float:
    """CPU time of one interpreter from start to end: unlike wall time, it bears company."""
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return usage.ru_utime + usage.ru_stime


@pytest.fixture(scope="module")
def loaded_by_help() -> set[str]:
    report = "; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    return set(json.loads(python(f"import json; {HELP}{report}").stderr))


def test_help_imports_nothing_heavy(loaded_by_help):
    assert "typer" in loaded_by_help
    assert loaded_by_help & HEAVY == set()


def test_help_imports_no_room_but_the_command_line_and_the_core(loaded_by_help):
    rooms = {name.split(".")[1] for name in loaded_by_help if name.startswith("llamawatt.")}
    assert rooms <= {"cli", "core"}


def test_every_heavy_module_named_here_is_one_that_the_package_uses_or_shuns():
    sources = "".join(path.read_text() for path in SOURCE.rglob("*.py"))
    assert {name for name in HEAVY if name in sources} >= {"numpy", "httpx", "pynvml"}


def test_help_costs_little_more_than_its_libraries():
    ratios = [cpu_s(HELP) / cpu_s(BARE) for _ in range(N_PAIRS)]
    assert statistics.median(ratios) < RATIO_MAX, ratios


def test_the_python_api_imports_nothing_heavy():
    code = "import json, sys, llamawatt.api; print(json.dumps(sorted(sys.modules)))"
    loaded = set(json.loads(python(code).stdout))
    assert loaded & {*HEAVY, "pydantic", "yaml", "rich", "typer", "psutil"} == set()
