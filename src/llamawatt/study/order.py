"""The order of trials: randomised blocks, the same for the same seed, whatever was killed."""

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
    """Return the visits of one block, arms and the suites within them shuffled.

    A block's order depends on the seed, the block and the cells alone.
    """
    rng = random.Random(f"{seed}/{block}")  # noqa: S311  (an order, not a secret)
    arms = list(dict.fromkeys(cell.arm for cell in cells))
    rng.shuffle(arms)
    turns = []
    for arm in arms:
        own = [cell for cell in cells if cell.arm == arm]
        rng.shuffle(own)
        turns.append(Visit(arm, tuple(own)))
    return tuple(turns)


def trial_id(block: int, cell: Cell) -> str:
    """Return the id of a trial: unique in a run, safe as a file name."""
    words = f"{cell.arm}-{cell.suite}"
    slug = re.sub(r"[^A-Za-z0-9_=.+-]+", "-", words)
    return f"b{block:03d}-{slug}" + ("" if cell.purpose is Purpose.SUITE else f"-{cell.purpose}")


def phase_delay_s(seed: int, identity: str, period_s: float) -> float:
    """Return a random delay of up to one sensor period, to shake trials out of step with it."""
    return random.Random(f"{seed}/{identity}/delay").uniform(0.0, period_s)  # noqa: S311
