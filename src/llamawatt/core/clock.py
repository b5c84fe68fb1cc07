"""The one seam to time: a monotonic clock and a sleep."""

import time
from typing import Protocol


class Clock(Protocol):
    """Monotonic seconds and a way to wait."""

    def now_s(self) -> float:
        """Return seconds on a monotonic clock shared by all processes of this machine."""

    def cpu_s(self) -> float:
        """Return CPU seconds (user and system) spent by the calling thread."""

    def sleep_s(self, duration_s: float) -> None:
        """Wait for `duration_s` seconds; zero or less returns at once."""


class SystemClock:
    """The machine's own monotonic clock (CLOCK_MONOTONIC on Linux)."""

    def now_s(self) -> float:
        """Return `time.monotonic()`."""
        return time.monotonic()

    def cpu_s(self) -> float:
        """Return `time.thread_time()`."""
        return time.thread_time()

    def sleep_s(self, duration_s: float) -> None:
        """Wait; zero or less returns at once."""
        if duration_s > 0:
            time.sleep(duration_s)


class FakeClock:
    """A clock that moves only when it is told to, for tests and simulation."""

    def __init__(self, start_s: float = 0.0) -> None:
        self._now_s = start_s
        self._cpu_s = 0.0

    def now_s(self) -> float:
        """Return the simulated time."""
        return self._now_s

    def cpu_s(self) -> float:
        """Return the simulated CPU time."""
        return self._cpu_s

    def sleep_s(self, duration_s: float) -> None:
        """Move the simulated time forward."""
        self._now_s += max(0.0, duration_s)

    def spend_s(self, duration_s: float, cpu_s: float | None = None) -> None:
        """Move time forward as busy work does: `cpu_s` of it (all, unless told) on the CPU."""
        self._now_s += duration_s
        self._cpu_s += duration_s if cpu_s is None else cpu_s
