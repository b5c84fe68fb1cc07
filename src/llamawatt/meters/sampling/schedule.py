"""When to read which domain: intervals from what a read costs, and the order of due reads. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from llamawatt.core.readings import Calibration, Quantity

BUDGET_SHARE = 0.005
"""Share of one core that background reads of all domains may cost. 1 % is the promise; a read
that was calibrated in the idle costs more while its device works (seen: H100, 1.7 times)."""

POWER_INTERVAL_S = 0.05
"""20 Hz: faster polling costs time and shows no more (arXiv 2604.26815)."""

COUNTER_INTERVAL_S = 0.1
"""A counter loses nothing between reads; this is for the power curve and for wraps."""

UNKNOWN_READ_CPU_S = 0.001
"""What a read is taken to cost where it was not calibrated."""

WAKE_CPU_S = 0.0001
"""What waking a thread for one read costs beside the read."""


@dataclass(frozen=True, slots=True)
class ReadCost:
    """What decides how often a domain is read.

    Attributes:
        quantity: Counter or power sensor.
        read_cpu_s: CPU seconds of one read.
    """

    quantity: Quantity
    read_cpu_s: float

    @classmethod
    def of(cls, quantity: Quantity, calibration: Calibration | None) -> "ReadCost":
        """Take the cost from a calibration, or assume one."""
        return cls(quantity, calibration.read_cpu_s if calibration else UNKNOWN_READ_CPU_S)

    @property
    def wanted_s(self) -> float:
        """The interval that would be used if reads were free."""
        return POWER_INTERVAL_S if self.quantity is Quantity.POWER else COUNTER_INTERVAL_S


def plan_intervals(
    costs: Mapping[str, ReadCost], budget_share: float = BUDGET_SHARE
) -> dict[str, float]:
    """Return the seconds between reads of each domain, so that together they keep the budget.

    Cheap domains get what they want; dear ones share what is left equally.
    """
    dearest_last = sorted(costs, key=lambda name: _share(costs[name]))
    left_share, n_left = budget_share, len(costs)
    intervals_s: dict[str, float] = {}
    for name in dearest_last:
        share = min(_share(costs[name]), left_share / n_left)
        intervals_s[name] = (costs[name].read_cpu_s + WAKE_CPU_S) / share
        left_share, n_left = left_share - share, n_left - 1
    return intervals_s


def _share(cost: ReadCost) -> float:
    return (cost.read_cpu_s + WAKE_CPU_S) / cost.wanted_s


class Schedule:
    """The next due read of a set of domains.

    Args:
        intervals_s: Seconds between reads, by domain.
        start_s: When the first reads are due.
    """

    def __init__(self, intervals_s: Mapping[str, float], start_s: float) -> None:
        self._intervals_s = dict(intervals_s)
        self._due_s = dict.fromkeys(intervals_s, start_s)

    def next(self) -> tuple[float, str]:
        """Return when the next read is due, and of which domain."""
        return min((due_s, name) for name, due_s in self._due_s.items())

    def done(self, domain: str, now_s: float) -> None:
        """Note a read of `domain`. One before its time changes nothing; missed ones are skipped."""
        interval_s = self._intervals_s[domain]
        if now_s >= self._due_s[domain]:
            self._due_s[domain] = max(self._due_s[domain] + interval_s, now_s + interval_s / 2)
