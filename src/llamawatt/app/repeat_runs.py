"""A whole study run several times, so that the spread between runs can be told.

Each run starts its servers anew, takes its arms in another order, and comes some time after the
one before. Their folder, `FOLDER/run-1`, `run-2` and so on, is one side of a comparison.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from llamawatt.analysis.compare.runs import Spreads, measured_spreads
from llamawatt.app.sides import RECORD, side_of
from llamawatt.core.clock import Clock
from llamawatt.core.errors import UsageError
from llamawatt.core.metrics import METRICS
from llamawatt.runs.spread import keep_spreads, spread_path
from llamawatt.runs.store import Run

N_RUNS_MAX = 100


@dataclass(frozen=True, slots=True)
class Repeats:
    """How a study is repeated.

    Attributes:
        folder: Where the runs go.
        n_runs: How many.
        pause_s: Time from the end of a run to the start of the next.
        seed: Seed of the first run; each further one has the next.
    """

    folder: Path
    n_runs: int
    pause_s: float
    seed: int

    def __post_init__(self) -> None:
        """Check.

        Raises:
            UsageError: the number or the pause makes no sense.
        """
        if not 2 <= self.n_runs <= N_RUNS_MAX:
            raise UsageError(
                f"--runs {self.n_runs} is not 2 to {N_RUNS_MAX}.",
                "Three or more tell the spread between runs.",
            )
        if self.pause_s < 0:
            raise UsageError("The pause between runs is negative.", "Write it as 5m.")


@dataclass(frozen=True, slots=True)
class OneRun:
    """One run of a repeated study: where, with which seed, and whether it goes on."""

    number: int
    path: Path
    seed: int
    goes_on: bool


def repeat_runs(
    repeats: Repeats,
    carry_out: Callable[[OneRun], Run],
    clock: Clock,
    tell: Callable[[str], None],
) -> tuple[Run, ...]:
    """Run a study several times; runs that are there already go on, and finished ones stay.

    Args:
        repeats: How.
        carry_out: Carries out one run to its end.
        clock: Waits between runs.
        tell: Says what is done.

    Raises:
        LlamawattError: whatever a run raises; the runs before it are on the disk.
    """
    made: list[Run] = []
    for number in range(1, repeats.n_runs + 1):
        path = repeats.folder / f"run-{number}"
        goes_on = (path / RECORD).exists()
        if made and not goes_on and repeats.pause_s:
            tell(f"run {number} of {repeats.n_runs} begins in {repeats.pause_s:.0f} s")
            clock.sleep_s(repeats.pause_s)
        tell(f"run {number} of {repeats.n_runs}: {path}")
        made.append(carry_out(OneRun(number, path, repeats.seed + number - 1, goes_on)))
    return tuple(made)


def remember_spread(runs: tuple[Run, ...]) -> Spreads:
    """Keep the spread between repeated runs for later comparisons on this machine.

    Raises:
        RunDirectoryError: it cannot be kept.
    """
    sides = [side_of(run) for run in runs]
    spreads = measured_spreads(sides, tuple(METRICS), runs[-1].study.created_at)
    first = sides[0]
    keep_spreads(spread_path(first.machine.key), first.study, spreads)
    return spreads
