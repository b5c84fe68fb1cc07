"""What came of trying one setting once, and the seam through which settings are tried."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from llamawatt.tune.search.space import Setting


class Stage(StrEnum):
    """Why a window was taken. Prompts of the race and of the confirmation were never tuned on.

    `alone` is the default with one stream, which shows what batching does by itself.
    """

    EXPLORE = "explore"
    ANCHOR = "anchor"
    RACE = "race"
    CONFIRM = "confirm"
    ALONE = "alone"


@dataclass(frozen=True, slots=True)
class Measured:
    """One window of one setting.

    Attributes:
        setting: What was tried.
        stage: Why.
        round: Counts the rounds of its stage; windows of one round are compared in pairs.
        values: Metric → value, SI; empty where it failed.
        failure: Why there are no values, in words; empty where there are.
        took_s: What it took of the budget, start of the server included.
        energy_j: Joules spent on it, start of the server included; None where unknown.
        supply: What fed the machine, `ac` or `battery`; empty where it has no battery. Windows on
            different supplies are never compared.
    """

    setting: Setting
    stage: Stage
    round: int
    values: Mapping[str, float] = field(default_factory=dict)
    failure: str = ""
    took_s: float = 0.0
    energy_j: float | None = None
    supply: str = ""


class Measure(Protocol):
    """Tries one setting once. A failed start is a `Measured` with its reason, not an exception."""

    def __call__(self, setting: Setting, stage: Stage, number: int) -> Measured:
        """Take one window.

        Args:
            setting: What to try.
            stage: Why, which chooses the prompts and the length of the window.
            number: The round.
        """


CHANGED = "changed"
"""Supply of a window in which the machine was plugged in or unplugged: comparable with none."""


def comparable(one: Measured, other: Measured) -> bool:
    """Whether two windows were taken on the same supply."""
    return one.supply == other.supply != CHANGED


@dataclass(slots=True)
class Budget:
    """What a search may take, told by the windows themselves so that a replay decides alike.

    Attributes:
        limit_s: All there is.
        spent_s: What the windows so far took.
    """

    limit_s: float
    spent_s: float = 0.0

    def left_s(self, share: float = 1.0) -> float:
        """Return what is left of a share of the whole budget, seconds."""
        return max(0.0, share * self.limit_s - self.spent_s)

    def take(self, measured: Measured) -> Measured:
        """Count a window and hand it on."""
        self.spent_s += measured.took_s
        return measured
