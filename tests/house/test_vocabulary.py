"""The promises of the error tree, the flags and the version."""

import ast
import re
import tomllib

import llamawatt
from llamawatt.core import errors
from llamawatt.core.flags import Flag
from tests.house.tree import ROOT, classes, modules


def subclasses(base: type) -> set[type]:
    return {base}.union(*(subclasses(each) for each in base.__subclasses__()))


def error_classes_of_the_tree() -> set[str]:
    """Names of every class in the sources that descends from the base, by name."""
    bases = {
        each.name: {node.id for node in each.bases if isinstance(node, ast.Name)}
        for module in modules()
        for each in classes(module.tree)
    }
    known = {"LlamawattError"}
    while grown := {name for name, of in bases.items() if of & known} - known:
        known |= grown
    return known


def test_every_error_is_in_the_drawn_tree_with_its_exit_code():
    drawn = dict(re.findall(r"[├└]── (\w+)\s+\((\d+)\)", errors.__doc__))
    beside = dict(re.findall(r"`(\w+Error)` \((\d+)\)", errors.__doc__))
    listed = {**drawn, **beside, "LlamawattError": "2"}
    assert error_classes_of_the_tree() == set(listed)
    for name, code in listed.items():
        assert getattr(errors, name).exit_code == int(code), name


def test_every_error_says_what_it_is_for():
    for each in subclasses(errors.LlamawattError):
        assert (each.__doc__ or "").strip().splitlines()[0].endswith("."), each


def test_every_flag_has_a_sentence_of_its_own():
    sentences = [flag.sentence for flag in Flag]
    assert all(text[0].isupper() and text.endswith(".") for text in sentences)
    assert len(set(sentences)) == len(sentences)


def test_the_version_is_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert project["version"] == llamawatt.__version__ == newest[1]
