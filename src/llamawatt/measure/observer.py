"""What a run tells while it goes on; the command line draws it, tests collect it."""

from dataclasses import dataclass
from typing import Protocol

from llamawatt.core.plan import RunEvent
from llamawatt.core.trials import TrialRecord


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where a run stands.

    Attributes:
        n_done: Trials finished.
        n_expected: Trials in all, as far as can be told: the stopping rule may need more.
        elapsed_s: Time since this process began to measure.
        remaining_s: Estimate of what is left; None until the first trial has ended.
    """

    n_done: int
    n_expected: int
    elapsed_s: float
    remaining_s: float | None


class Observer(Protocol):
    """Hears of everything that a run does, as it happens."""

    def doing(self, what: str) -> None:
        """Hear what goes on now, as `gpu: loading the model`."""

    def finished(self, trial: TrialRecord, outlook: Outlook) -> None:
        """Hear of a finished trial, after it is on the disk."""

    def noted(self, event: RunEvent) -> None:
        """Hear of an event, after it is on the disk."""


class SilentObserver:
    """Hears everything and says nothing."""

    def doing(self, what: str) -> None:
        """Ignore it."""

    def finished(self, trial: TrialRecord, outlook: Outlook) -> None:
        """Ignore it."""

    def noted(self, event: RunEvent) -> None:
        """Ignore it."""
