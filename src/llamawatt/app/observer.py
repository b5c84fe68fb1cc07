"""Who hears of a run as it goes on, and how it is called off."""

from pathlib import Path
from threading import Event
from typing import Protocol

from llamawatt.core.errors import Cancelled
from llamawatt.core.plan import RunEvent
from llamawatt.core.trials import TrialRecord
from llamawatt.measure.observer import Observer as Hearer
from llamawatt.measure.observer import Outlook, SilentObserver

__all__ = ["Attentive", "Observer", "Outlook", "Silent"]


class Observer(Hearer, Protocol):
    """Hears of everything that a use case does, as it happens. Called in the caller's thread."""

    def fetching(self, name: str, done_bytes: int, total_bytes: int | None) -> None:
        """Hear how much of a model has been fetched; None where the whole is not known."""

    def began(self, path: Path) -> None:
        """Hear where the run is written, before its first trial."""


class Silent(SilentObserver):
    """Hears everything and says nothing. To be derived from, where little is to be heard."""

    def fetching(self, name: str, done_bytes: int, total_bytes: int | None) -> None:
        """Ignore it."""

    def began(self, path: Path) -> None:
        """Ignore it."""


class Attentive:
    """Passes on what it hears, and calls the run off at the next step once `cancel` is set."""

    def __init__(self, observer: Observer, cancel: Event | None) -> None:
        self._observer = observer
        self._cancel = cancel
        self.path: Path | None = None

    def doing(self, what: str) -> None:
        """Hear what goes on now.

        Raises:
            Cancelled: the run was called off.
        """
        self._heed()
        self._observer.doing(what)

    def finished(self, trial: TrialRecord, outlook: Outlook) -> None:
        """Hear of a finished trial, after it is on the disk.

        Raises:
            Cancelled: the run was called off.
        """
        self._observer.finished(trial, outlook)
        self._heed()

    def noted(self, event: RunEvent) -> None:
        """Hear of an event, after it is on the disk."""
        self._observer.noted(event)

    def fetching(self, name: str, done_bytes: int, total_bytes: int | None) -> None:
        """Hear how much of a model has been fetched.

        Raises:
            Cancelled: the run was called off.
        """
        self._heed()
        self._observer.fetching(name, done_bytes, total_bytes)

    def began(self, path: Path) -> None:
        """Hear where the run is written."""
        self.path = path
        self._observer.began(path)

    def _heed(self) -> None:
        if self._cancel is not None and self._cancel.is_set():
            raise Cancelled(self.path)
