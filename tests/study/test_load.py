"""Study files: the built-in ones hold, and every complaint names its line."""

from pathlib import Path

import pytest

from llamawatt.core.errors import SpecError
from llamawatt.study.load import builtin_names, builtin_text, load_study, parse_study

GOOD = """\
name: mine
suites: [short_dialogue]
groups:
  - name: threads
    grid:
      n_threads: [1, 2]
"""


@pytest.mark.parametrize("name", builtin_names())
def test_every_builtin_study_holds_and_describes_itself(name: str) -> None:
    spec = load_study(name)
    assert spec.name == name
    assert spec.description


def test_the_paper_has_baseline_and_three_ablations() -> None:
    groups = {group.name: group for group in load_study("paper").groups}
    assert list(groups) == ["baseline", "threads", "layers", "batch"]
    assert groups["threads"].grid["n_threads"] == (1, 4, 8)
    assert groups["batch"].grid["n_batch"] == (128, 512, 1024)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("suites", "suits", r"my\.yaml:2: suits: there is no such field \(Did you mean suites\?\)"),
        ("n_threads: [1, 2]", "n_threads: []", r"my\.yaml:6: groups\.0\.grid\.n_threads"),
        (
            "n_threads: [1, 2]",
            "n_threads: 3",
            r"my\.yaml:6: .*: a list is wanted, as \[3\]",
        ),
        ("n_threads: [1, 2]", "n_threads: [[1]]", r"my\.yaml:6: groups\.0\.grid\.n_threads"),
        ("name: mine", "name: a b", r"my\.yaml:1: name"),
        ("grid:", "grit:", r"my\.yaml:5: groups\.0\.grit"),
        ("[short_dialogue]", "[short_dialogue", r"my\.yaml:\d+ is not valid YAML"),
        ("suites: [short_dialogue]", "seed: -1", r"my\.yaml:2: seed"),
        ("suites: [short_dialogue]", "protocol: {idle_s: soon}", r"my\.yaml:2: protocol\.idle_s"),
    ],
)
def test_a_complaint_names_file_line_and_field(old: str, new: str, complaint: str) -> None:
    with pytest.raises(SpecError, match=complaint):
        parse_study(GOOD.replace(old, new, 1), "my.yaml")


@pytest.mark.parametrize("text", ["", "- 1", "3"])
def test_what_is_no_mapping_is_no_study(text: str) -> None:
    with pytest.raises(SpecError, match="holds no study"):
        parse_study(text, "my.yaml")


def test_unknown_names_list_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="baseline"):
        builtin_text("no-such-study")
    with pytest.raises(SpecError, match="Could not read"):
        load_study(str(tmp_path / "missing.yaml"))


def test_a_huge_grid_is_counted_without_being_made() -> None:
    values = ", ".join(str(number) for number in range(100))
    grid = f"{{n_threads: [{values}], n_batch: [{values}], n_ubatch: [{values}]}}"
    spec = parse_study(f"name: big\ngroups:\n  - name: g\n    grid: {grid}\n", "big.yaml")
    assert spec.n_arms() == 1_000_000


def test_a_key_that_stands_twice_is_refused() -> None:
    text = "name: x\ngroups:\n  - name: g\n    set: {n_batch: 1}\n    set: {n_batch: 2}\n"
    with pytest.raises(SpecError, match=r"my\.yaml:5: set stands there twice"):
        parse_study(text, "my.yaml")


def test_a_date_that_is_none_is_no_valid_yaml() -> None:
    with pytest.raises(SpecError, match=r"my\.yaml is not valid YAML"):
        parse_study("name: 2026-13-45\ngroups: []\n", "my.yaml")
