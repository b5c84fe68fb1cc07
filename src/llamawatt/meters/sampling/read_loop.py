"""Reading one meter: background reads by schedule and hunts for ticks. Knows no thread."""

from collections.abc import Mapping

from llamawatt.core.clock import Clock
from llamawatt.core.readings import Calibration, Quantity, Sample, Unavailable
from llamawatt.meters.base import Meter
from llamawatt.meters.sampling.edge_search import MAX_PERIOD_S, Hunt, OneRead, SettleHunt, TickHunt
from llamawatt.meters.sampling.schedule import Schedule
from llamawatt.meters.sampling.series import Series

STEP_S = 5.0
"""A read that comes this much later than due means that the clock stepped or the machine slept."""

SOON_S = 0.003
"""The domain read last keeps its turn if its next read is due within this time."""


class ReadLoop:
    """Reads the domains of one meter and keeps what they give.

    Args:
        meter: The meter.
        calibrations: What is known of its domains, by name.
        intervals_s: Seconds between background reads, by domain.
        clock: The clock.
    """

    def __init__(
        self,
        meter: Meter,
        calibrations: Mapping[str, Calibration],
        intervals_s: Mapping[str, float],
        clock: Clock,
    ) -> None:
        domains = meter.domains()
        self.series = {
            domain.name: Series(domain, calibrations.get(domain.name)) for domain in domains
        }
        self.n_reads = 0
        self._meter = meter
        self._clock = clock
        self._intervals_s = {domain.name: intervals_s[domain.name] for domain in domains}
        self._schedule = Schedule(self._intervals_s, clock.now_s())
        self._edges: dict[str, tuple[float, float]] = {}
        self._last_s = clock.now_s()

    def next_s(self) -> float:
        """Return when the next background read is due."""
        return self._schedule.next()[0]

    def read_due(self) -> None:
        """Do the background read that is due next."""
        due_s, name = self._schedule.next()
        now_s = self._clock.now_s()
        if now_s < self._last_s or now_s - due_s > STEP_S:
            self.clock_stepped(now_s)
        self._read(name)

    def hunt(self) -> tuple[str, ...]:
        """Catch one tick of every counter, and let every power sensor settle. Blocks.

        Returns:
            Names of the counters whose tick was not caught.
        """
        hunts = {name: self._hunt_of(series) for name, series in self.series.items()}
        last = ""
        while (next_read := self._next_of(hunts, last)) is not None:
            due_s, last = next_read
            self._clock.sleep_s(due_s - self._clock.now_s())
            value = self._read(last)
            hunts[last].saw(self._last_s, value)
        return self._missed(hunts)

    def clock_stepped(self, now_s: float) -> None:
        """Note a step of the clock in every domain."""
        for series in self.series.values():
            series.clock_stepped(now_s)

    def _hunt_of(self, series: Series) -> Hunt:
        now_s = self._clock.now_s()
        calibration = series.calibration
        name = series.domain.name
        if series.domain.quantity is Quantity.POWER:
            return SettleHunt(calibration, self._intervals_s[name], now_s)
        if calibration and (calibration.update_period_s or 0.0) > MAX_PERIOD_S:
            return OneRead(now_s)
        return TickHunt(calibration, self._edges.get(name), now_s, len(self.series))

    def _next_of(self, hunts: Mapping[str, Hunt], last: str) -> tuple[float, str] | None:
        """Return the next read, background reads included; None when all hunts are done.

        Of several, the domain read last goes on: dear reads of many domains in turn
        would see no tick closely. A first read goes before all.
        """
        wanted = [
            (due_s, name) for name, hunt in hunts.items() if (due_s := hunt.next_s()) is not None
        ]
        if not wanted:
            return None
        soon_s = self._clock.now_s() + SOON_S
        first = [(due_s, name) for due_s, name in wanted if hunts[name].untouched]
        again = [(due_s, name) for due_s, name in wanted if name == last and due_s < soon_s]
        return min(first or again or [*wanted, self._schedule.next()])

    def _missed(self, hunts: Mapping[str, Hunt]) -> tuple[str, ...]:
        missed = []
        for name, hunt in hunts.items():
            if not isinstance(hunt, TickHunt):
                continue
            if hunt.caught is None:
                missed.append(name)
            else:
                self._edges[name] = hunt.caught
        return tuple(missed)

    def _read(self, name: str) -> float | None:
        """Read one domain, keep it, and return its value."""
        found = self._ask(name)
        ended_s = self._clock.now_s()
        self.n_reads += 1
        value = self.series[name].add(ended_s, found)
        self._last_s = found.t_s if isinstance(found, Sample) else ended_s
        self._schedule.done(name, ended_s)
        return value

    def _ask(self, name: str) -> Sample | Unavailable:
        try:
            return self._meter.read(name)
        except Exception as error:  # noqa: BLE001 - a third party's meter may raise anything
            return Unavailable(f"{self._meter.name} failed on {name}: {error!r}.")
