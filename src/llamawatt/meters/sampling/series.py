"""The growing samples of one domain: one thread appends, others copy."""

import math
import threading
from array import array
from bisect import bisect_left

import numpy as np

from llamawatt.core.readings import Calibration, Domain, Quantity, Sample, Unavailable
from llamawatt.meters.energy.trace import Trace

MAX_REASONS = 8
"""Different reasons of failure that are kept; a sensor that fails fails alike."""


class Series:
    """Samples of one domain, with failed reads kept as gaps.

    Args:
        domain: What is read.
        calibration: What is known of its sensor.
    """

    def __init__(self, domain: Domain, calibration: Calibration | None) -> None:
        self.domain = domain
        self.calibration = calibration
        self.n_failed = 0
        self._t_s = array("d")
        self._value = array("d")
        self._read_s = array("d")
        self._stepped_s = array("d")
        self._reasons: dict[str, None] = {}
        self._lock = threading.Lock()

    def add(self, now_s: float, found: Sample | Unavailable) -> float | None:
        """Keep one read, and return its value; None when it failed.

        Args:
            now_s: When the read ended; the time of a failed one.
            found: What the meter gave.
        """
        if isinstance(found, Unavailable):
            self._append(now_s, math.nan, 0.0)
            self.n_failed += 1
            if len(self._reasons) < MAX_REASONS:
                self._reasons[found.reason] = None
            return None
        is_counter = self.domain.quantity is Quantity.ENERGY
        value = found.energy_j if is_counter else found.power_w
        if value is None or not math.isfinite(value):
            return self.add(now_s, Unavailable(f"{self.domain.name} gave {value}."))
        self._append(found.t_s, value, found.read_s)
        return value

    def clock_stepped(self, now_s: float) -> None:
        """Note that the clock stepped."""
        with self._lock:
            self._stepped_s.append(now_s)

    def forget_before(self, t_s: float) -> None:
        """Drop samples from before a moment."""
        with self._lock:
            n_old = bisect_left(self._t_s, t_s)
            for column in (self._t_s, self._value, self._read_s):
                del column[:n_old]
            del self._stepped_s[: bisect_left(self._stepped_s, t_s)]

    def trace(self) -> Trace:
        """Return a copy of what was sampled so far."""
        with self._lock:
            return Trace(
                domain=self.domain,
                t_s=np.array(self._t_s),
                value=np.array(self._value),
                read_s=np.array(self._read_s),
                calibration=self.calibration,
                failures=tuple(self._reasons),
                stepped_s=np.array(self._stepped_s),
            )

    def _append(self, t_s: float, value: float, read_s: float) -> None:
        with self._lock:
            self._t_s.append(t_s)
            self._value.append(value)
            self._read_s.append(read_s)
