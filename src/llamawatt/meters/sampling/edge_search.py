"""Looking for one tick of a sensor: when to read next, from what was read before. Pure."""

from typing import Protocol

from llamawatt.core.readings import Calibration
from llamawatt.meters.energy.counter_edges import NARROW_SHARE
from llamawatt.meters.energy.ticks import TickGrid

MAX_PERIOD_S = 0.5
"""Slower sensors are not hunted: nobody waits for the minute of a wall plug."""

UNKNOWN_PERIOD_S = 0.1
PATIENCE_PERIODS = 3.0
"""How many periods a hunt lasts at most."""

DENSE_READS = 40
"""Reads a period while the phase is unknown."""

FINE_READS = 100
"""Reads a period about a predicted tick."""

GUARD_READS = 2.0
GUARD_SIGMAS = 3.0


class Hunt(Protocol):
    """Says when a domain wants its next read, until it has what it needs.

    Attributes:
        untouched: Whether it has not had a read yet.
    """

    untouched: bool

    def next_s(self) -> float | None:
        """Return when to read next; None when done."""

    def saw(self, t_s: float, value: float | None) -> None:
        """Take in a read; `value` is None when it failed."""


class TickHunt:
    """Reads a counter about one tick, closely enough to fix the tick's time.

    While the phase is known from an edge seen before, it sleeps until just before the predicted
    tick, so that a handful of reads suffices. A tick that a slow read blurred is kept, and the next
    one is looked for.

    Args:
        calibration: What is known of the tick.
        edge: Time and half-width of an edge seen closely before; None if there is none.
        now_s: When the hunt starts.
        n_beside: How many domains are hunted by turns, this one included.
    """

    def __init__(
        self,
        calibration: Calibration | None,
        edge: tuple[float, float] | None,
        now_s: float,
        n_beside: int = 1,
    ) -> None:
        self.untouched = True
        known_s = calibration.update_period_s if calibration else None
        self._period_s = known_s or UNKNOWN_PERIOD_S
        self._read_s = calibration.read_wall_s if calibration else 0.0
        self._grid = TickGrid.of(calibration)
        self._edge = edge
        self._next_s: float | None = now_s
        patience_s = PATIENCE_PERIODS * self._period_s + GUARD_READS * self._read_s
        self._until_s = now_s + n_beside * patience_s
        self._last: tuple[float, float] | None = None
        self._predicted_s: float | None = None
        self._late_s = 0.0
        self._sharp_s = max(self._read_s, self._period_s / DENSE_READS)
        self._sharp = False
        self.caught: tuple[float, float] | None = None

    def next_s(self) -> float | None:
        """Return when to read next; None when the tick was caught or patience ended."""
        return self._next_s

    def saw(self, t_s: float, value: float | None) -> None:
        """Take in a read."""
        self.untouched = False
        if value is None:
            self._wait(t_s)
            return
        if self._last is None:
            self._predict(t_s)
        elif value != self._last[1]:
            self._changed(self._last[0], t_s)
        elif self._predicted_s is not None and t_s > self._predicted_s + self._late_s:
            self._predicted_s = None
        self._last = (t_s, value)
        self._wait(t_s)

    def _predict(self, now_s: float) -> None:
        """Predict the first tick far enough ahead to read before it."""
        if self._grid is None or self._edge is None:
            return
        tick_s, sigma_s = self._grid.next_tick(*self._edge, now_s)
        if self._grid.trusts(sigma_s):
            self._predicted_s = tick_s
            self._late_s = max(GUARD_READS * self._read_s, GUARD_SIGMAS * sigma_s)

    def _changed(self, last_s: float, t_s: float) -> None:
        half_s = (t_s - last_s) / 2
        best_s = self.caught[1] if self.caught else NARROW_SHARE * self._period_s / 2
        if half_s < best_s:
            self.caught = ((last_s + t_s) / 2, half_s)
        self._sharp = self._sharp or half_s < self._sharp_s
        self._predicted_s = None

    def _wait(self, t_s: float) -> None:
        """Set the time of the next read."""
        if self._predicted_s is None:
            next_s = t_s + self._period_s / DENSE_READS
        else:
            fine_s = t_s + self._period_s / FINE_READS
            next_s = max(fine_s, self._predicted_s - self._late_s)
        over = self._sharp or next_s > self._until_s
        self._next_s = None if over else next_s


class SettleHunt:
    """Waits until background reads of a power sensor speak of the present.

    It adds no reads but a last one: background reads are in step with the sensor's updates, and
    others would see them earlier or later.

    Args:
        calibration: What is known of its delay.
        interval_s: Seconds between background reads.
        now_s: When it starts.
    """

    def __init__(self, calibration: Calibration | None, interval_s: float, now_s: float) -> None:
        period_s = (calibration.update_period_s or 0.0) if calibration else 0.0
        averaging_s = (calibration.averaging_s or 0.0) if calibration else 0.0
        self._until_s = now_s + min(period_s, MAX_PERIOD_S) + averaging_s + 3.5 * interval_s
        self._done = False
        self.untouched = False

    def next_s(self) -> float | None:
        """Return when it is over; None when it is."""
        return None if self._done else self._until_s

    def saw(self, t_s: float, value: float | None) -> None:  # noqa: ARG002 - any read will do
        """Take in a read."""
        self._done = t_s >= self._until_s - 1e-9


class OneRead:
    """Reads a sensor once: one too slow to hunt."""

    def __init__(self, now_s: float) -> None:
        self._next_s: float | None = now_s
        self.untouched = True

    def next_s(self) -> float | None:
        """Return when to read; None once it was."""
        return self._next_s

    def saw(self, t_s: float, value: float | None) -> None:  # noqa: ARG002 - any read will do
        """Take in the read."""
        self.untouched = False
        self._next_s = None
