"""Watches how busy each logical CPU is while a load runs."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from llamawatt.host.cpu.busy_time import busy_by_cpu_s

LOOK_S = 0.2
"""Short enough that a busy thread seldom changes its CPU within."""
Shares = Mapping[int, float]
"""Busy share, 0..1, by number of the logical CPU."""
Load = Callable[[int], AbstractContextManager[None]]
"""Keeps a number of CPUs busy inside its block."""


class BusyWatch:
    """Remembers, for each number of busy CPUs, the busy shares of short stretches.

    Args:
        load: The load that is watched.
        busy_s: Returns the busy seconds of each logical CPU.
        look_s: Length of a stretch.
    """

    def __init__(
        self,
        load: Load,
        busy_s: Callable[[], Mapping[int, float]] = busy_by_cpu_s,
        look_s: float = LOOK_S,
    ) -> None:
        self._load = load
        self._busy_s = busy_s
        self._look_s = look_s
        self.seen: dict[int, list[Shares]] = {}

    @contextmanager
    def load(self, n_busy: int) -> Iterator[None]:
        """Be the load, and watch it; raises what the load raises."""
        found: list[Shares] = []
        over = threading.Event()
        with self._load(n_busy):
            thread = threading.Thread(target=self._watch, args=(found, over), daemon=True)
            thread.start()
            try:
                yield
            finally:
                over.set()
                thread.join()
        self.seen[n_busy] = found

    def _watch(self, found: list[Shares], over: threading.Event) -> None:
        before = self._busy_s()
        while not over.wait(self._look_s):
            now = self._busy_s()
            found.append(
                {n: (now[n] - before[n]) / self._look_s for n in now.keys() & before.keys()}
            )
            before = now
