"""Which profile a state of the battery asks for, without flutter about a limit."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

P = TypeVar("P")

HYSTERESIS = 0.05
"""A low battery counts as low until it holds this much more than the limit."""


class State(StrEnum):
    """What feeds the machine."""

    AC = "ac"
    BATTERY = "battery"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Reading:
    """A look at the supply.

    Attributes:
        on_battery: Whether the machine runs on its battery.
        left_share: What is left in it; None where it does not say.
    """

    on_battery: bool
    left_share: float | None = None


def next_state(now: State, seen: Reading, low_share: float) -> State:
    """Return the state that a look leads to.

    Args:
        now: The state so far.
        seen: What was seen.
        low_share: What is left when the battery counts as low.
    """
    if not seen.on_battery:
        return State.AC
    if seen.left_share is None:
        return State.BATTERY
    limit = low_share + (HYSTERESIS if now is State.LOW else 0.0)
    return State.LOW if seen.left_share <= limit else State.BATTERY


class Served(Protocol):
    """A server that runs."""

    def stop(self) -> None:
        """End it."""


@dataclass(slots=True)
class Switch(Generic[P]):
    """Keeps the profile running that the state asks for.

    Attributes:
        profiles: State → profile; a state without one keeps what runs.
        start: Starts a profile.
        low_share: What is left when the battery counts as low.
        steady: Looks in a row that must agree before it switches: a plug may be loose.
    """

    profiles: "dict[State, P]"
    start: Callable[[P], Served]
    low_share: float = 0.2
    steady: int = 2
    state: State | None = None
    _running: Served | None = None
    _profile: P | None = None
    _wanted: State | None = None
    _n_seen: int = 0

    def see(self, seen: Reading) -> State:
        """Take a look into account; switch when enough of them agree. Returns the state."""
        wanted = next_state(self.state or State.AC, seen, self.low_share)
        self._n_seen = self._n_seen + 1 if wanted is self._wanted else 1
        self._wanted = wanted
        if self.state is None or (wanted is not self.state and self._n_seen >= self.steady):
            self.state = wanted
            self._switch(self.profiles.get(wanted))
        return self.state

    def _switch(self, profile: P | None) -> None:
        if profile is None or profile == self._profile:
            return
        self.stop()
        self._running, self._profile = self.start(profile), profile

    def stop(self) -> None:
        """End what runs."""
        running, self._running, self._profile = self._running, None, None
        if running is not None:
            running.stop()
