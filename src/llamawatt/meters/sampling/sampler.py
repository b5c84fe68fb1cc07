"""Samples all meters in the background, and catches counter ticks around windows."""

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType

from llamawatt.core.clock import Clock
from llamawatt.core.readings import Calibration
from llamawatt.meters.base import Meter
from llamawatt.meters.energy.trace import Trace
from llamawatt.meters.sampling.edge_search import MAX_PERIOD_S, PATIENCE_PERIODS
from llamawatt.meters.sampling.read_loop import ReadLoop
from llamawatt.meters.sampling.schedule import BUDGET_SHARE, ReadCost, plan_intervals

EDGE_PATIENCE_S = 2 * PATIENCE_PERIODS * MAX_PERIOD_S
"""Twice the longest hunt."""

STOP_PATIENCE_S = 1.0
SUSPENDED_S = 0.1
"""A sleep of the machine longer than this is noticed."""


@dataclass(frozen=True, slots=True)
class SamplerOverhead:
    """What sampling cost so far.

    Attributes:
        cpu_s: CPU seconds of the sampler's threads.
        edge_cpu_s: The part of it spent on hunting ticks, outside of windows.
        wall_s: Time since sampling began.
        n_reads: Reads made.
    """

    cpu_s: float
    edge_cpu_s: float
    wall_s: float
    n_reads: int

    @property
    def share(self) -> float:
        """Share of one core that background reads took, which is what a window suffers."""
        return (self.cpu_s - self.edge_cpu_s) / self.wall_s if self.wall_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class EdgeMark:
    """What a hunt for ticks came to.

    Attributes:
        t0_s: When it began.
        t1_s: When it ended.
        missed: Counters whose tick was not caught; their windows are less certain.
    """

    t0_s: float
    t1_s: float
    missed: tuple[str, ...]


@dataclass(slots=True)
class _Request:
    """A hunt that was asked of a thread."""

    done: threading.Event = field(default_factory=threading.Event)
    missed: tuple[str, ...] = ()


def suspended_s() -> float:
    """Return for how long the machine has slept since boot; 0 where the system does not tell."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    if boottime is None:
        return 0.0
    return time.clock_gettime(boottime) - time.clock_gettime(time.CLOCK_MONOTONIC)


class _Worker:
    """One meter's loop, with the CPU it used; in a thread of its own, or driven by the caller."""

    def __init__(self, loop: ReadLoop, clock: Clock, name: str) -> None:
        self.loop = loop
        self.cpu_s = 0.0
        self.edge_cpu_s = 0.0
        self._clock = clock
        self._requests: deque[_Request] = deque()
        self._wake = threading.Event()
        self._stopping = False
        self._slept_s = suspended_s()
        self.thread = threading.Thread(target=self._run, name=f"llamawatt-{name}", daemon=True)

    def ask(self) -> _Request:
        """Ask the thread to hunt."""
        request = _Request()
        self._requests.append(request)
        self._wake.set()
        return request

    def stop(self) -> None:
        """Tell the thread to end; one that hangs in a read is left behind."""
        self._stopping = True
        self._wake.set()
        self.thread.join(STOP_PATIENCE_S)

    def read_due(self) -> None:
        """Do the read that is due, and count its cost."""
        began_s = self._clock.cpu_s()
        self.loop.read_due()
        self.cpu_s += self._clock.cpu_s() - began_s

    def hunt(self) -> tuple[str, ...]:
        """Hunt, and count its cost."""
        began_s = self._clock.cpu_s()
        missed = self.loop.hunt()
        spent_s = self._clock.cpu_s() - began_s
        self.cpu_s += spent_s
        self.edge_cpu_s += spent_s
        return missed

    def _run(self) -> None:
        """Read and hunt until stopped. In a thread, waiting and waking count as cost too."""
        while not self._stopping:
            while self._requests:
                request = self._requests.popleft()
                request.missed = self.hunt()
                request.done.set()
            wait_s = self.loop.next_s() - self._clock.now_s()
            if wait_s > 0:
                self._wake.wait(wait_s)
                self._wake.clear()
            else:
                self._notice_sleep()
                self.loop.read_due()
            self.cpu_s = self._clock.cpu_s()

    def _notice_sleep(self) -> None:
        slept_s = suspended_s()
        if slept_s - self._slept_s > SUSPENDED_S:
            self.loop.clock_stepped(self._clock.now_s())
        self._slept_s = slept_s


class Sampler:
    """Samples meters in the background while it is entered.

    Every meter has a thread of its own, so one that hangs stops nobody else. Background reads are
    planned to cost less than 1 % of one core together; `mark_edge` reads densely, in the idle.

    Args:
        meters: What to read. They stay open; closing them is the caller's.
        calibrations: What is known of their domains, by name.
        clock: The clock.
        threaded: Without threads, `run_until` does the reading: for simulated clocks.
        budget_share: Share of one core for background reads.
        patience_s: How long `mark_edge` waits for a meter that hangs, beyond its averaging time.
    """

    def __init__(
        self,
        meters: Sequence[Meter],
        calibrations: Mapping[str, Calibration],
        clock: Clock,
        *,
        threaded: bool = True,
        budget_share: float = BUDGET_SHARE,
        patience_s: float = EDGE_PATIENCE_S,
    ) -> None:
        costs = {
            domain.name: ReadCost.of(domain.quantity, calibrations.get(domain.name))
            for meter in meters
            for domain in meter.domains()
        }
        self.intervals_s: Mapping[str, float] = plan_intervals(costs, budget_share)
        self._clock = clock
        self._threaded = threaded
        self._patience_s = patience_s
        self._began_s = clock.now_s()
        self._settle_s = max(
            (c.averaging_s or 0.0 for c in calibrations.values()), default=0.0
        ) + max(self.intervals_s.values(), default=0.0)
        self._workers = [
            _Worker(ReadLoop(meter, calibrations, self.intervals_s, clock), clock, meter.name)
            for meter in meters
            if meter.domains()
        ]
        self._series = {
            name: series for w in self._workers for name, series in w.loop.series.items()
        }

    def __enter__(self) -> "Sampler":
        self._began_s = self._clock.now_s()
        if self._threaded:
            for worker in self._workers:
                worker.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._threaded:
            for worker in self._workers:
                worker.stop()

    def mark_edge(self) -> EdgeMark:
        """Catch one tick of every counter, and let power sensors settle. Blocks for that long.

        Call it in the idle right before the work and right after it.
        """
        began_s = self._clock.now_s()
        if not self._threaded:
            missed = [name for worker in self._workers for name in worker.hunt()]
            return EdgeMark(began_s, self._clock.now_s(), tuple(missed))
        requests = [(worker, worker.ask()) for worker in self._workers]
        until_s = began_s + self._patience_s + self._settle_s
        missed = []
        for worker, request in requests:
            if request.done.wait(max(0.0, until_s - self._clock.now_s())):
                missed += request.missed
            else:
                missed += worker.loop.series
        return EdgeMark(began_s, self._clock.now_s(), tuple(missed))

    def run_until(self, t_s: float) -> None:
        """Do all background reads due before a moment, and let the clock reach it.

        Raises:
            RuntimeError: the sampler has threads that do this.
        """
        if self._threaded:
            raise RuntimeError("a threaded sampler reads by itself")
        while self._workers:
            worker = min(self._workers, key=lambda each: each.loop.next_s())
            due_s = worker.loop.next_s()
            if due_s >= t_s:
                break
            self._clock.sleep_s(due_s - self._clock.now_s())
            worker.read_due()
        self._clock.sleep_s(t_s - self._clock.now_s())

    def trace(self, domain: str) -> Trace:
        """Return what was sampled of one domain so far.

        Raises:
            KeyError: no meter has that domain.
        """
        return self._series[domain].trace()

    def overhead(self) -> SamplerOverhead:
        """Return what sampling cost so far."""
        return SamplerOverhead(
            cpu_s=sum(worker.cpu_s for worker in self._workers),
            edge_cpu_s=sum(worker.edge_cpu_s for worker in self._workers),
            wall_s=self._clock.now_s() - self._began_s,
            n_reads=sum(worker.loop.n_reads for worker in self._workers),
        )

    def forget_before(self, t_s: float) -> None:
        """Drop samples from before a moment, so that memory stays bounded over hours."""
        for series in self._series.values():
            series.forget_before(t_s)
