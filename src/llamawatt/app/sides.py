"""Runs on the disk as the sides of a comparison, with what is known of the spread between runs."""

from collections.abc import Sequence
from pathlib import Path

from llamawatt.analysis.assess import assess
from llamawatt.analysis.compare.differences import Side
from llamawatt.analysis.compare.identity import is_same_machine
from llamawatt.analysis.compare.runs import Spreads
from llamawatt.core.settings import NOTHING_ASSUMED, Assumptions
from llamawatt.runs.named import resolve_run
from llamawatt.runs.spread import kept_spreads, spread_path
from llamawatt.runs.store import Run, read_run

RECORD = "study.yaml"
"""What makes a folder a run directory."""


def read_side(paths: Sequence[Path], assumed: Assumptions = NOTHING_ASSUMED) -> tuple[Side, ...]:
    """Read the runs of one side; a folder of repeated runs stands for all of them.

    Raises:
        RunDirectoryError: a path is neither.
    """
    found = (path for each in paths for path in _runs_at(resolve_run(each)))
    return tuple(side_of(read_run(path), assumed) for path in found)


def side_of(run: Run, assumed: Assumptions = NOTHING_ASSUMED) -> Side:
    """Make a run a side of a comparison."""
    found = assess(run.study, run.machine, run.trials, assumed)
    return Side(str(run.path), run.study, run.machine, found.cells)


def known_spreads(sides: Sequence[Side]) -> Spreads:
    """Return what runs repeated earlier on the same machine say of the spread between runs.

    Raises:
        RunDirectoryError: it is kept, and cannot be read.
    """
    first = sides[0]
    if not all(is_same_machine(first.machine, side.machine) for side in sides[1:]):
        return {}
    return kept_spreads(spread_path(first.machine.key), first.study)


def _runs_at(path: Path) -> tuple[Path, ...]:
    if (path / RECORD).exists() or not path.is_dir():
        return (path,)
    found = sorted((each.parent for each in path.glob(f"*/{RECORD}")), key=_by_number)
    return tuple(found) or (path,)


def _by_number(path: Path) -> tuple[int, str]:
    digits = path.name.rpartition("-")[2]
    return (int(digits) if digits.isdecimal() else 0, path.name)
