"""Who else was busy: CPU time spent on the machine by processes that are not part of the work."""

import os
from dataclasses import dataclass
from typing import Protocol

import psutil

NOTABLE_SHARE = 0.05
"""Share of the machine's cores at which other load is flagged. llama.cpp's threads wait for each
other in spinning barriers, so that even one busy neighbour on a core stalls them all."""


class Company(Protocol):
    """Measures other processes' load between two moments."""

    def start(self, server_pid: int | None) -> None:
        """Begin; `server_pid` is the target's process, when it is ours."""

    def other_share(self) -> float | None:
        """Return other processes' share of all cores since `start`; None when it cannot be told."""


@dataclass(frozen=True, slots=True)
class _Moment:
    busy_s: float
    own_s: float
    total_s: float


class SystemCompany:
    """Compares the machine's busy time with the time of this process and the server."""

    def __init__(self) -> None:
        self._server_pid: int | None = None
        self._before: _Moment | None = None

    def start(self, server_pid: int | None) -> None:
        """Begin; `server_pid` is the target's process, when it is ours."""
        self._server_pid = server_pid
        self._before = self._now()

    def other_share(self) -> float | None:
        """Return other processes' share of all cores since `start`.

        None when the server is not ours (its own work would count as other load), or a process
        is gone.
        """
        after, before = self._now(), self._before
        if after is None or before is None or self._server_pid is None:
            return None
        return _share(before, after)

    def _now(self) -> _Moment | None:
        try:
            return _moment(_cpu_s({os.getpid(), self._server_pid or os.getpid()}))
        except psutil.Error:
            return None


class CommandCompany:
    """The same beside a command that this process starts and waits for."""

    def __init__(self) -> None:
        self._before = _moment(_waited_s())

    def other_share(self) -> float | None:
        """Return other processes' share of all cores since the start.

        None where the system does not count the time of ended children (Windows).
        """
        if os.name == "nt":
            return None
        return _share(self._before, _moment(_waited_s()))


def _share(before: _Moment, after: _Moment) -> float | None:
    total_s = after.total_s - before.total_s
    if total_s <= 0:
        return None
    others_s = (after.busy_s - before.busy_s) - (after.own_s - before.own_s)
    return max(0.0, others_s / total_s)


def _moment(own_s: float) -> _Moment:
    machine = psutil.cpu_times()
    idle_s = machine.idle + getattr(machine, "iowait", 0.0)
    counted_twice_s = getattr(machine, "guest", 0.0) + getattr(machine, "guest_nice", 0.0)
    total_s = sum(machine) - counted_twice_s
    return _Moment(total_s - idle_s, own_s, total_s)


def _waited_s() -> float:
    """Return the CPU seconds of this process and of the children it has waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _cpu_s(pids: set[int]) -> float:
    """Return the CPU seconds of processes and their descendants, each counted once."""
    roots = [psutil.Process(pid) for pid in pids]
    every = {*roots, *(child for root in roots for child in root.children(recursive=True))}
    times = [process.cpu_times() for process in every]
    return sum(entry.user + entry.system for entry in times)
