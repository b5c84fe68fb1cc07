import re
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import coverage  # noqa: E402


def test_the_committed_table_has_every_line_and_none_that_fails():
    text = (BENCHMARKS / "coverage.md").read_text()
    assert text.startswith(coverage.HEAD)
    rows = [line for line in text.splitlines() if re.match(r"\| (?!what|---)", line)]
    assert len(rows) > 200
    assert "FAILS" not in text
    for n in (2, 3, 5, 10):
        assert any(row.startswith(f"| figure | independent | {n} |") for row in rows)


@pytest.mark.parametrize(("share", "label", "remark"), [
    (0.95, "", ""), (0.5, "worse: so", "worse: so"), (0.999, "", coverage.MORE),
])  # fmt: skip
def test_a_line_says_what_it_holds(share, label, remark):
    line = coverage.Line("figure", "kind", "3", share, 1000, label=label)
    assert line.remark == remark


def test_a_line_that_holds_too_little_and_says_nothing_fails():
    bad = coverage.Line("figure", "kind", "3", 0.8, 1000)
    assert not bad.is_right
    assert "FAILS" in coverage.table([bad])
    assert not coverage.Line("false", "kind", "3", 0.2, 1000, coverage.FALSE_MAX).is_right


def test_a_quick_part_of_it_holds():
    (line,) = coverage.one_figure("independent", 5, stopping=False, n_runs=60)
    assert 0.9 < line.share <= 1.0
    assert line.width > 0
    lines = list(coverage.several_runs("independent", 3, 2, 12))
    assert [each.what for each in lines][-1] == "gate fails on like runs"
    assert np.isfinite([each.share for each in lines]).all()
