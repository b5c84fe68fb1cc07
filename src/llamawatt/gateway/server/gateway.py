"""The gateway as one object: pool, meters, store and keys, and the life of each request in them."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import aiohttp

from llamawatt.gateway.config.tables import Configuration, KeyTable
from llamawatt.gateway.energy.figure import AnswerEnergy
from llamawatt.gateway.energy.ledger import Feed
from llamawatt.gateway.energy.work import Work
from llamawatt.gateway.policy.budgets import Budget
from llamawatt.gateway.policy.learning import LearntMean
from llamawatt.gateway.policy.router import Decision, Supply
from llamawatt.gateway.pool.pool import MakeTarget, Pool
from llamawatt.gateway.pool.target import PooledTarget
from llamawatt.gateway.server.asked import Asked
from llamawatt.gateway.server.keys import Keyring
from llamawatt.gateway.server.metering import MeterService
from llamawatt.gateway.server.metrics import Metrics
from llamawatt.gateway.server.told import Told
from llamawatt.gateway.store.query import spent_today_j
from llamawatt.gateway.store.rows import RequestRow
from llamawatt.gateway.store.writer import Writer

COMMIT_S = 1.0
"""Longest that an answer's end waits for its row to be kept."""
TOKENS_PER_CHAR = 0.25
GUESSED_TOKENS = 200.0
CLIENT_GONE = 499


@dataclass(slots=True, eq=False)
class Flight:
    """A request on its way through the gateway.

    Attributes:
        request_id: Its name.
        asked: What was asked.
        key: Whose it is.
        target: Where it runs.
        decision: Why there.
        work: What it has done.
        arrived_s: When it came, monotonic.
        writing_s: Since when a piece of its answer waits for the client; None while none does.
        abort: Breaks the client's connection off.
    """

    request_id: str
    asked: Asked
    key: KeyTable
    target: PooledTarget
    decision: Decision
    work: Work
    arrived_s: float
    writing_s: float | None = None
    abort: Callable[[], None] = field(default=lambda: None)


@dataclass(frozen=True, slots=True)
class Seams:
    """What a gateway stands on, to be exchanged in tests.

    Attributes:
        open_feed: Opens the meters.
        make_target: Makes the server of a target.
        supply: Tells how the machine is powered.
    """

    open_feed: Callable[[], AbstractContextManager[Feed]]
    make_target: MakeTarget
    supply: Callable[[], Supply]


class Gateway:
    """Everything that lives as long as the server does.

    Args:
        configuration: What there shall be.
        folder: Folder that relative paths of it start from.
        database: Where the energy of answers is kept.
        seams: What it stands on.

    Raises:
        UsageError: the database cannot be used, or another gateway uses it.
        SpecError: a profile does not hold.
    """

    def __init__(
        self, configuration: Configuration, folder: Path, database: Path, seams: Seams
    ) -> None:
        self.meters = MeterService(seams.open_feed, self._settled)
        self.pool = Pool(configuration, folder, seams.make_target, self._changed, seams.supply)
        self.keyring = Keyring(configuration.keys, configuration.limits.requests_per_key)
        self.writer = Writer(database)
        self.database = database
        self.metrics = Metrics()
        self.flights: set[Flight] = set()
        self.asking: set[object] = set()
        """Connections that have a request in hand."""
        self.is_draining = False
        self.notes: list[str] = []
        """What went wrong outside of requests, as a configuration that does not hold."""
        self._unsettled: dict[str, tuple[RequestRow, Flight, Told]] = {}
        self._answer_tokens: dict[str, LearntMean] = {}
        self._per_char: dict[str, LearntMean] = {}
        self._spent_j: dict[tuple[str, str], float] = {}
        self.session: aiohttp.ClientSession | None = None

    @property
    def configuration(self) -> Configuration:
        """What is configured now."""
        return self.pool.configuration

    def reconfigure(self, configuration: Configuration) -> None:
        """Take another configuration; requests on their way go on.

        Raises:
            SpecError: a profile that it names does not hold.
        """
        self.pool.exchange(configuration)
        if configuration.keys != self.keyring.keys:
            self.keyring = Keyring(configuration.keys, configuration.limits.requests_per_key)

    def expected(self, asked: Asked, model: str) -> tuple[float, float]:
        """Return the prompt tokens and generated tokens that a request is expected to have."""
        per_char = self._per_char.setdefault(model, LearntMean(TOKENS_PER_CHAR))
        tokens = self._answer_tokens.setdefault(model, LearntMean(GUESSED_TOKENS))
        return max(1.0, asked.n_chars * per_char.mean), tokens.mean

    def refusal(self, key: KeyTable) -> str:
        """Return why a key may spend no more today; empty where it may."""
        if key.joules_per_day is None and key.money_per_day is None:
            return ""
        day = today()
        if (key.name, day) not in self._spent_j:
            self._spent_j = {k: v for k, v in self._spent_j.items() if k[1] == day}
            self._spent_j[key.name, day] = spent_today_j(self.database, key.name, day)
        budget = Budget(key.joules_per_day, key.money_per_day, self.configuration.price.per_kwh)
        return budget.refusal(self._spent_j[key.name, day])

    def depart(
        self,
        asked: Asked,
        key: KeyTable,
        target: PooledTarget,
        decision: Decision,
        arrived_s: float,
    ) -> Flight:
        """Open the books for a request that is sent to its target now."""
        costs = target.learnt.costs()
        n_prompt, _ = self.expected(asked, target.model)
        cached = target.prefixes.cached_chars(asked.prefixes) / max(1, asked.n_chars)
        rate_per_s = costs.decode_tokens_per_s(target.n_busy) / max(1, target.n_busy)
        work = Work(
            target.name,
            time.monotonic(),
            max(1.0, n_prompt * (1.0 - cached)),
            costs.prefill_tokens_per_s,
            rate_per_s,
            asked.streams,
        )
        flight = Flight(f"lw-{uuid.uuid4().hex}", asked, key, target, decision, work, arrived_s)
        self.flights.add(flight)
        target.prefixes.served(asked.prefixes)
        self.meters.begin(flight.request_id, work, costs)
        return flight

    def land(self, flight: Flight, status: int, told: Told) -> tuple[AnswerEnergy, RequestRow]:
        """Close the books: return the energy so far and the row to keep; both are settled later."""
        self.flights.discard(flight)
        now_s = time.monotonic()
        if told.n_generated is not None:
            flight.work.n_generated = told.n_generated
        figure = self.meters.end(flight.request_id, flight.work, now_s)
        first_s, finished_at = flight.work.first_s, time.time()
        keeps_prompt = self.configuration.server.store_prompts
        row = RequestRow(
            request_id=flight.request_id,
            finished_at=finished_at,
            day=datetime.fromtimestamp(finished_at).astimezone().date().isoformat(),
            model=flight.target.model,
            target=flight.target.name,
            key=flight.key.name,
            path=flight.asked.path,
            status=status,
            n_prompt=told.n_prompt,
            n_generated=told.n_generated,
            duration_s=now_s - flight.arrived_s,
            ttft_s=None if first_s is None else first_s - flight.arrived_s,
            energy_j=None,
            above_idle_j=None,
            uncertainty_j=None,
            window_j=None,
            method="",
            modelled=0,
            shared_with=0,
            settled=0,
            reason="",
            decision=flight.decision.reason,
            prompt=flight.asked.raw.decode("utf-8", "replace") if keeps_prompt else None,
        ).with_energy(figure)
        self._learn_counts(flight, told)
        self.metrics.finished(row)
        if not figure.settled:
            self._unsettled[flight.request_id] = (row, flight, told)
        return figure, row

    async def keep(self, row: RequestRow) -> None:
        """Have a row written, and wait until it is, for a while at most."""
        loop = asyncio.get_running_loop()
        kept = loop.create_future()

        def tell() -> None:
            if not kept.done():
                kept.set_result(None)

        def done() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(tell)

        self.writer.put(row, done)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(COMMIT_S):
                await kept

    def receipt_row(self, request_id: str) -> RequestRow | None:
        """Return the row of an answer that is not written or not settled yet."""
        if request_id in self._unsettled:
            return self._unsettled[request_id][0]
        return self.writer.waiting_row(request_id)

    async def close(self) -> None:
        """End the targets, close the meters, write what waits."""
        await self.pool.close()
        await self.meters.close()
        await asyncio.to_thread(self.writer.close)

    def _learn_counts(self, flight: Flight, told: Told) -> None:
        if told.n_prompt and flight.asked.n_chars:
            self._per_char[flight.target.model].learn(told.n_prompt / flight.asked.n_chars)
        if told.n_generated:
            self._answer_tokens[flight.target.model].learn(told.n_generated)

    def _settled(self, request_id: str, figure: AnswerEnergy) -> None:
        row, flight, told = self._unsettled.pop(request_id, (None, None, None))
        if row is None or flight is None or told is None:
            return
        row = row.with_energy(figure)
        self.writer.put(row)
        self.metrics.settled(row, figure)
        spent = self._spent_j.get((row.key, row.day))
        if spent is not None:
            self._spent_j[row.key, row.day] = spent + (row.energy_j or 0.0)
        if figure.shared_with == 0 and row.status < 400:
            _learn_costs(flight, told, figure)

    def _changed(self) -> None:
        state = self.pool.resident() if hasattr(self, "pool") else ""
        self.meters.resident(state)
        for each in self.pool.targets if hasattr(self, "pool") else ():
            with_it = {*state.split("+"), each.name} - {"", f"{each.name}?"}
            up_w = self.meters.idle_w("+".join(sorted(with_it)))
            down_w = self.meters.idle_w("+".join(sorted(with_it - {each.name})))
            if up_w is not None and down_w is not None:
                each.learnt.resident_w = max(0.0, up_w - down_w)


def _learn_costs(flight: Flight, told: Told, figure: AnswerEnergy) -> None:
    n_read = (told.n_prompt or 0) - (told.n_cached or 0)
    n_generated = told.n_generated or 0
    learnt = flight.target.learnt
    if figure.above_idle_j is not None:
        learnt.energy.learn(n_read, n_generated, figure.above_idle_j)
    if told.prefill_s is not None and told.decode_s is not None:
        learnt.time.learn(n_read, 0, told.prefill_s)
        learnt.time.learn(0, n_generated, told.decode_s)
    else:
        learnt.time.learn(n_read, n_generated, figure.duration_s)


def today() -> str:
    """Return the local day, ISO 8601."""
    return datetime.now().astimezone().date().isoformat()
