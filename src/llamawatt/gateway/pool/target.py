"""One target as it runs: started on demand, its slots given out, unloaded when silent."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from llamawatt.core.errors import LlamawattError, TargetError
from llamawatt.gateway.config.tables import TargetTable
from llamawatt.gateway.policy.router import Standing, State
from llamawatt.gateway.policy.unload import UnloadRule
from llamawatt.gateway.pool.learnt import Learnt
from llamawatt.gateway.pool.prefixes import Prefix, PrefixMemory
from llamawatt.targets.base import Endpoint, Target

BACK_OFF_S = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Waits before a target that failed is tried again: the first time, the second, and so on."""


class FullError(Exception):
    """A target has as many waiting requests as it may have."""


@dataclass(slots=True)
class _Trouble:
    """Why a target failed, and when it is tried again."""

    reason: str = ""
    n_times: int = 0
    retry_s: float = 0.0


@dataclass(slots=True, eq=False)
class PooledTarget:
    """A target of the pool. It belongs to one event loop; starting and stopping take threads.

    Attributes:
        name: Its name.
        model: Name of its model.
        table: Its table in the configuration.
        server: What is started and stopped.
        learnt: What it costs, as far as is known.
        rule: When it unloads, apart from its costs.
        changed: Called when it comes up or goes down.
        queue: Requests that may wait for it.
        state: What it is doing.
        endpoint: Where it answers; None while it is down.
        n_busy: Requests it serves.
        n_starts: How often it was started.
        n_unloads: How often it was unloaded.
        retired: Whether it left the configuration and takes nothing new.
    """

    name: str
    model: str
    table: TargetTable
    server: Target
    learnt: Learnt
    rule: UnloadRule
    changed: Callable[[], None]
    queue: int
    state: State = State.OFF
    endpoint: Endpoint | None = None
    n_busy: int = 0
    n_starts: int = 0
    n_unloads: int = 0
    retired: bool = False
    prefixes: PrefixMemory = field(init=False)
    _waiting: deque["asyncio.Future[None]"] = field(default_factory=deque)
    _silent_s: float = field(default_factory=time.monotonic)
    _began_s: float = 0.0
    _trouble: _Trouble = field(default_factory=_Trouble)
    _task: "asyncio.Task[None] | None" = None
    _generation: int = 0

    def __post_init__(self) -> None:
        self.prefixes = PrefixMemory(self.table.n_slots)

    @property
    def trouble(self) -> str:
        """Why it failed; empty while it did not."""
        return self._trouble.reason

    @property
    def n_waiting(self) -> int:
        """Requests that wait for it."""
        return len(self._waiting)

    @property
    def is_ours(self) -> bool:
        """Whether it is started and ended here."""
        return self.table.kind != "attached"

    def standing(self, asked: tuple[Prefix, ...], tokens_per_char: float) -> Standing:
        """Return it as the router sees it."""
        now_s, costs = time.monotonic(), self.learnt.costs()
        state = self.state
        if state is State.FAILED and now_s >= self._trouble.retry_s:
            state = State.OFF
        ready_in_s = self._began_s + costs.wake_s - now_s if state is State.STARTING else 0.0
        return Standing(
            self.name,
            costs,
            State.FAILED if self.retired else state,
            self.n_busy,
            self.n_waiting,
            self.table.n_slots,
            max(0.0, ready_in_s),
            self.prefixes.cached_chars(asked) * tokens_per_char,
            self.learnt.waking.value_j,
        )

    async def acquire(self, wait_s: float) -> Endpoint:
        """Wait for a slot, starting the target if need be. Pair it with `release`.

        Raises:
            FullError: too many wait already.
            TimeoutError: no slot came free in time.
            TargetError: it does not start.
        """
        if self.state is State.WARM and not self._waiting and self.n_busy < self.table.n_slots:
            self.n_busy += 1
        else:
            # Those who will find a slot once it is up are not in anybody's way.
            n_free = 0 if self.state is State.WARM else self.table.n_slots - self.n_busy
            if len(self._waiting) >= self.queue + n_free:
                raise FullError
            await self._wait(wait_s)
        if self.endpoint is None:
            self.release()
            raise TargetError(f"The target {self.name} went away.", self.trouble)
        return self.endpoint

    def release(self) -> None:
        """Give a slot back, to whoever waits longest."""
        self.n_busy -= 1
        self._silent_s = time.monotonic()
        self._grant()

    def start(self) -> None:
        """Begin to start it, unless it is up or about to be."""
        if self.state in (State.OFF, State.FAILED) and self._task is None:
            self._set(State.STARTING)
            self._began_s = time.monotonic()
            self._task = asyncio.create_task(self._start())

    def failed(self, reason: str) -> None:
        """Note that it went away while it was up; what is left of it is ended."""
        if self.state is State.WARM and self._task is None:
            self._task = asyncio.create_task(self._end(State.FAILED, reason))

    async def look_after(self, *, unloads: bool) -> None:
        """Unload it when it is silent for long enough, or retired."""
        idle = self.state is State.WARM and not self.n_busy and not self._waiting
        if not idle or self._task is not None or not self.is_ours:
            return
        rule = UnloadRule(self.learnt.costs(), self.rule.silence_s, self.rule.always_resident)
        silent_s = time.monotonic() - self._silent_s
        if self.retired or (unloads and rule.is_due(silent_s)):
            self.n_unloads += 1
            self._task = asyncio.create_task(self._end(State.OFF, ""))
            await self._task

    async def close(self) -> None:
        """End it, whatever it is doing."""
        self.retired = True
        if self._task is not None:
            await asyncio.to_thread(self.server.stop)  # one that starts is broken off
            await asyncio.wait([self._task])
        await self._end(State.OFF, "")

    async def _wait(self, wait_s: float) -> None:
        granted = asyncio.get_running_loop().create_future()
        self._waiting.append(granted)
        self.start()
        self._grant()
        try:
            async with asyncio.timeout(wait_s):
                await granted
        except BaseException:
            if granted.done() and not granted.cancelled() and granted.exception() is None:
                self.release()  # it came just as nobody wanted it any more
            elif granted in self._waiting:
                self._waiting.remove(granted)
            raise

    def _grant(self) -> None:
        while self.state is State.WARM and self._waiting and self.n_busy < self.table.n_slots:
            granted = self._waiting.popleft()
            if not granted.done():
                self.n_busy += 1
                granted.set_result(None)

    async def _start(self) -> None:
        try:
            self.endpoint = await asyncio.to_thread(self.server.start)
        except LlamawattError as error:
            self._task = None
            self._give_up(str(error))
            return
        except BaseException:
            self._task = None
            self._give_up(f"The target {self.name} could not be started.")
            raise
        self._task = None
        self._trouble = _Trouble()
        self.n_starts += 1
        self.learnt.waking.woken()
        if self.is_ours:
            self.learnt.wake_s.learn(time.monotonic() - self._began_s)
        self._silent_s = time.monotonic()
        self._set(State.WARM)
        self._grant()

    async def _end(self, state: State, reason: str) -> None:
        self.endpoint = None
        self.prefixes.forget()
        if state is State.FAILED:
            self._give_up(reason)
        else:
            self._set(state)
        try:
            await asyncio.to_thread(self.server.stop)
        finally:
            self._task = None
        if self._waiting and not self.retired:  # somebody came while it was ending
            self.start()

    def _give_up(self, reason: str) -> None:
        """Note a failure, and send those who wait elsewhere."""
        times = self._trouble.n_times
        pause_s = BACK_OFF_S[min(times, len(BACK_OFF_S) - 1)]
        self._trouble = _Trouble(reason, times + 1, time.monotonic() + pause_s)
        self._set(State.FAILED)
        while self._waiting:
            granted = self._waiting.popleft()
            if not granted.done():
                granted.set_exception(TargetError(f"The target {self.name} failed.", reason))

    def _set(self, state: State) -> None:
        self.state = state
        self.changed()
