"""CPU time of this process and all that it started, those included that have ended."""

import os
import time

import psutil

LOOK_S = 0.5
"""How often new children are looked for."""
LOOK_SHARE = 0.005
"""Looking reads every process of the machine: it may cost this share of a core."""


class OwnTime:
    """Counts the CPU seconds of a process tree; the count never runs backwards.

    A child that ended and was waited for is in its parent's count. One that another process took
    over is kept at what it was seen to have used.

    Args:
        pid: The root of the tree; this process when None.
    """

    def __init__(self, pid: int | None = None) -> None:
        self._root = psutil.Process(os.getpid() if pid is None else pid)
        self._tree: tuple[psutil.Process, ...] = (self._root,)
        self._looked_s, self._pause_s = time.monotonic(), 0.0
        self._lost_s = 0.0
        self._last_s = 0.0

    def __call__(self) -> float:
        """Return the CPU seconds so far."""
        now_s = time.monotonic()
        looks = now_s - self._looked_s >= self._pause_s
        if looks:
            began_s = time.thread_time()
            self._tree, self._looked_s = self._look(), now_s
            self._pause_s = max(LOOK_S, (time.thread_time() - began_s) / LOOK_SHARE)
        counted_s = sum(_spent_s(process) for process in self._tree) + self._lost_s
        if looks and counted_s < self._last_s:
            # Not at once: a child may be waited for between two of the reads above.
            self._lost_s += self._last_s - counted_s
        self._last_s = max(self._last_s, counted_s)
        return self._last_s

    def _look(self) -> tuple[psutil.Process, ...]:
        try:
            return (self._root, *self._root.children(recursive=True))
        except psutil.Error:
            return self._tree


def _spent_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    children_s = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return float(times.user + times.system + children_s)
