"""The meters in service: sampled in the background, booked, and split, for days."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import psutil

from llamawatt.core.errors import LlamawattError
from llamawatt.gateway.costs import TargetCosts
from llamawatt.gateway.energy.accounts import Accounts, Totals
from llamawatt.gateway.energy.figure import AnswerEnergy, unavailable
from llamawatt.gateway.energy.ledger import Feed, Ledger
from llamawatt.gateway.energy.work import Work

NOTE_S = 0.2
"""How often it is noted how far every answer is."""
BOOK_S = 0.6
"""How often the ledger books."""
BEGIN_S = 15.0
"""Longest wait for the first booking of every domain before answers are metered."""
NOT_YET = "The meters are being calibrated."
SettleHook = Callable[[str, AnswerEnergy], None]


class MeterService:
    """Meters, ledger and accounts behind one door that is open also where nothing is measured.

    Args:
        open_feed: Opens the meters; entering it may take seconds and is done in a thread.
        settled: Hears the final figure of every request.
    """

    def __init__(
        self, open_feed: Callable[[], AbstractContextManager[Feed]], settled: SettleHook
    ) -> None:
        self._open_feed = open_feed
        self._settled = settled
        self._exits = contextlib.ExitStack()
        self._ledger: Ledger | None = None
        self._resident = ""
        self._cpu_s = (0.0, 0.0)
        self.accounts: Accounts | None = None
        self.reason = NOT_YET
        self.power_w: dict[str, float | None] = {}

    async def run(self) -> None:
        """Open the meters and book, until cancelled."""
        try:
            feed = await asyncio.to_thread(self._exits.enter_context, self._open_feed())
        except LlamawattError as error:
            self.reason = str(error)
            return
        ledger = await self._begun(feed)
        now_s = time.monotonic()
        self._ledger, self.accounts = ledger, Accounts(feed.domains)
        self.accounts.resident(now_s, self._resident)
        self.reason = "The request began before the meters were calibrated."
        booked_s = now_s
        while True:
            await asyncio.sleep(NOTE_S)
            now_s = time.monotonic()
            self.accounts.note(now_s)
            if now_s - booked_s >= BOOK_S:
                booked_s = now_s
                await self.book(now_s)

    async def _begun(self, feed: Feed) -> Ledger:
        """Return a ledger that has booked something of every domain, or waited long enough."""
        began_s = time.monotonic()
        ledger = Ledger(feed, began_s)
        while time.monotonic() - began_s < BEGIN_S:
            await asyncio.sleep(NOTE_S)
            await asyncio.to_thread(ledger.advance, time.monotonic())
            totals = ledger.totals()
            if all(totals[name].known_s > 0 for name in ledger.boundary):
                break
        return ledger

    async def book(self, now_s: float) -> None:
        """Book what became known, and settle what is behind it."""
        if self._ledger is None or self.accounts is None:
            return
        slices = await asyncio.to_thread(self._ledger.advance, now_s)
        self.accounts.gateway_share = self._own_cpu_share()
        for each in slices:
            known = each.energy_j is not None and each.duration_s > 0
            self.power_w[each.domain] = (each.energy_j or 0.0) / each.duration_s if known else None
        for request_id, figure in self.accounts.settle(slices, self._ledger.watermark_s).items():
            self._settled(request_id, figure)

    def begin(self, request_id: str, work: Work, costs: TargetCosts) -> None:
        """Open the account of a request."""
        if self.accounts is not None:
            self.accounts.begin(request_id, work, costs)

    def end(self, request_id: str, work: Work, now_s: float) -> AnswerEnergy:
        """Return what an answer cost by now, and leave its account to be settled."""
        work.note(now_s)
        if self.accounts is None or not self.accounts.has(request_id):
            work.ended_s = now_s
            return unavailable(self.reason, now_s - work.began_s)
        figure = self.accounts.provisional(request_id, now_s)
        self.accounts.end(request_id, now_s)
        return figure

    def resident(self, state: str) -> None:
        """Note which targets are up."""
        self._resident = state
        if self.accounts is not None:
            self.accounts.resident(time.monotonic(), state)

    def totals(self) -> Totals:
        """Return where all energy went so far."""
        return self.accounts.totals if self.accounts is not None else Totals()

    def idle_w(self, state: str) -> float | None:
        """Return the idle power of the machine with some targets up; None where not known."""
        if self.accounts is None or self._ledger is None:
            return None
        found = [self.accounts.idle.power_w(name, state) for name in self._ledger.boundary]
        return None if None in found or not found else sum(each or 0.0 for each in found)

    def trouble(self) -> dict[str, str]:
        """Return which domains give nothing now, and why."""
        if self._ledger is None:
            return {"meters": self.reason}
        return {n: each.reason for n, each in self._ledger.totals().items() if each.reason}

    async def close(self) -> None:
        """Close the meters."""
        await asyncio.to_thread(self._exits.close)

    def _own_cpu_share(self) -> float:
        """Return this process's part of all CPU time since it was asked last."""
        times = psutil.cpu_times()
        busy_s = sum(times) - times.idle - getattr(times, "iowait", 0.0)
        busy_s -= getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
        own_s, before = time.process_time(), self._cpu_s
        self._cpu_s = (own_s, busy_s)
        spent_s = busy_s - before[1]
        return min(1.0, (own_s - before[0]) / spent_s) if before[1] and spent_s > 0 else 0.0
