"""The order of trials: balanced blocks, the same for the same seed, whatever was killed."""

import random
import re
from dataclasses import dataclass

from llamawatt.core.trials import Purpose


@dataclass(frozen=True, slots=True)
class Cell:
    """One arm on one suite: what is repeated until its interval is narrow."""

    arm: str
    suite: str
    purpose: Purpose = Purpose.SUITE


@dataclass(frozen=True, slots=True)
class Visit:
    """One arm's turn in a block: the target is started once and serves these cells."""

    arm: str
    cells: tuple[Cell, ...]


def visits(seed: int, block: int, cells: tuple[Cell, ...]) -> tuple[Visit, ...]:
    """Return the visits of one block.

    Blocks come in pairs: arms in a random order, then in the reverse of it. All arms of a block
    run their suites in one order, which moves on by one with each block. So on every suite two arms
    are as far apart in one block as in the next, the other way round: what drifts steadily cancels
    from their difference, suite by suite, and no suite is always the first of a session
    (docs/adr/0009-balanced-blocks.md).

    A block's order depends on the seed, the block and the cells alone.
    """
    pair, backward = divmod(block, 2)
    arms = sorted(dict.fromkeys(cell.arm for cell in cells), key=lambda arm: _lot(seed, pair, arm))
    if backward:
        arms.reverse()
    tasks = sorted(
        dict.fromkeys((cell.suite, cell.purpose) for cell in cells),
        key=lambda task: _lot(seed, "tasks", *task),
    )
    first = block % len(tasks) if tasks else 0
    rank = {task: number for number, task in enumerate(tasks[first:] + tasks[:first])}
    turns = []
    for arm in arms:
        own = [cell for cell in cells if cell.arm == arm]
        turns.append(Visit(arm, tuple(sorted(own, key=lambda c: rank[c.suite, c.purpose]))))
    return tuple(turns)


def _lot(seed: int, *words: object) -> float:
    """Draw a lot: what is dropped from a draw leaves the others in their order."""
    return random.Random(f"{seed}/{'/'.join(map(str, words))}").random()  # noqa: S311


def trial_id(block: int, cell: Cell) -> str:
    """Return the id of a trial: unique in a run, safe as a file name."""
    words = f"{cell.arm}-{cell.suite}"
    slug = re.sub(r"[^A-Za-z0-9_=.+-]+", "-", words)
    return f"b{block:03d}-{slug}" + ("" if cell.purpose is Purpose.SUITE else f"-{cell.purpose}")


def phase_delay_s(seed: int, identity: str, period_s: float) -> float:
    """Return a random delay of up to one sensor period, to shake trials out of step with it."""
    return random.Random(f"{seed}/{identity}/delay").uniform(0.0, period_s)  # noqa: S311
