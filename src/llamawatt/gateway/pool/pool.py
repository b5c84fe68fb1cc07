"""All targets of the configuration: chosen among, looked after, exchanged when the file changes."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

import aiohttp

from llamawatt.gateway.config.read import costs_of
from llamawatt.gateway.config.tables import Configuration, TargetTable
from llamawatt.gateway.policy.router import Ask, Decision, State, Supply, decide
from llamawatt.gateway.policy.unload import UnloadRule
from llamawatt.gateway.pool.learnt import Learnt
from llamawatt.gateway.pool.prefixes import Prefix
from llamawatt.gateway.pool.target import PooledTarget
from llamawatt.targets.base import Target

LOOK_S = 0.25
HEALTH_S = 2.0
HEALTH_TIMEOUT_S = 5.0
HEALTH_TRIES = 3
MakeTarget = Callable[[TargetTable, Path], Target]


class Pool:
    """The targets by model.

    Args:
        configuration: What there shall be.
        folder: Folder that relative paths of it start from.
        make: Makes the server of a target.
        changed: Called when a target comes up or goes down.
        supply: Tells how the machine is powered.
    """

    def __init__(
        self,
        configuration: Configuration,
        folder: Path,
        make: MakeTarget,
        changed: Callable[[], None],
        supply: Callable[[], Supply],
    ) -> None:
        self.configuration = configuration
        self._folder = folder
        self._make = make
        self._changed = changed
        self._supply = supply
        self._leaving: list[PooledTarget] = []
        self.models: dict[str, dict[str, PooledTarget]] = {}
        self._tokens_per_char: dict[str, float] = {}
        self.exchange(configuration)

    @property
    def targets(self) -> tuple[PooledTarget, ...]:
        """Every target that takes requests."""
        return tuple(each for found in self.models.values() for each in found.values())

    def resident(self) -> str:
        """Return which targets are up, as one name; `?` behind one that is starting."""
        marks = {State.WARM: "", State.STARTING: "?"}
        every = (*self.targets, *self._leaving)
        return "+".join(
            sorted(f"{each.name}{marks[each.state]}" for each in every if each.state in marks)
        )

    def decide(self, model: str, ask: Ask, asked: tuple[Prefix, ...]) -> Decision:
        """Choose a target for a request, and learn from the choice.

        Raises:
            KeyError: there is no such model.
        """
        found = self.models[model]
        per_char = ask.n_prompt / max(1, asked[-1][1]) if asked else 0.0
        standings = [each.standing(asked, per_char) for each in found.values()]
        policy = self.configuration.server.policy
        decision = decide(ask, standings, policy, self._supply())
        now_s = asyncio.get_running_loop().time()
        if decision.missed is not None:
            found[decision.missed[0]].learnt.waking.missed(decision.missed[1])
        for name, saved_j in decision.savings:
            found[name].learnt.waking.asked(now_s)
            found[name].learnt.waking.could_save(saved_j)
        return decision

    def exchange(self, configuration: Configuration) -> None:
        """Take another configuration: what stayed the same goes on running.

        Raises:
            SpecError: a profile that it names does not hold; nothing is changed then.
        """
        costs = {
            (model, name): costs_of(table, self._folder)
            for model, found in configuration.models.items()
            for name, table in found.targets.items()
        }
        before = {(each.model, each.name): each for each in self.targets}
        models: dict[str, dict[str, PooledTarget]] = {}
        for (model, name), own in costs.items():
            table = configuration.models[model].targets[name]
            kept = before.get((model, name))
            if kept is not None and kept.table == table and kept.learnt.profile == own:
                before.pop((model, name))
                models.setdefault(model, {})[name] = kept
                continue
            rule = UnloadRule(own, table.unload_after_s, table.resident)
            models.setdefault(model, {})[name] = PooledTarget(
                name, model, table, self._make(table, self._folder), Learnt(own), rule,
                self._changed, configuration.limits.queue,
            )  # fmt: skip
        for gone in before.values():
            gone.retired = True
            self._leaving.append(gone)
        self.models, self.configuration = models, configuration

    async def look_after(self) -> None:
        """Unload silent targets and start those that must be resident, for ever."""
        while True:
            unloads = self.configuration.server.unload
            for each in (*self.targets, *self._leaving):
                if each.rule.always_resident and each.state is State.OFF and not each.retired:
                    each.start()
                await each.look_after(unloads=unloads)
            self._leaving = [each for each in self._leaving if each.state is State.WARM]
            await asyncio.sleep(LOOK_S)

    async def watch_health(self, session: aiohttp.ClientSession) -> None:
        """Ask every target that is up whether it is well, for ever."""
        misses: dict[str, int] = {}
        while True:
            await asyncio.sleep(HEALTH_S)
            for each in self.targets:
                if each.state is State.WARM:
                    misses[each.name] = await self._miss(each, session, misses.get(each.name, 0))

    async def _miss(self, each: PooledTarget, session: aiohttp.ClientSession, n_missed: int) -> int:
        endpoint = each.endpoint
        if endpoint is None:
            return 0
        path = "/health" if endpoint.kind == "llama-server" else ""
        timeout = aiohttp.ClientTimeout(total=HEALTH_TIMEOUT_S)
        try:
            async with session.get(f"{endpoint.url}{path}", timeout=timeout):
                return 0
        except aiohttp.ClientConnectorError:
            words = await asyncio.to_thread(endpoint.last_words)
            each.failed(words or f"Nothing answers at {endpoint.url}.")
        except (aiohttp.ClientError, TimeoutError):
            if n_missed + 1 < HEALTH_TRIES:
                return n_missed + 1
            each.failed(f"{endpoint.url} gave no sign of life for a while.")
        return 0

    async def close(self) -> None:
        """End every target that is ours."""
        every = (*self.targets, *self._leaving)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*(each.close() for each in every))
