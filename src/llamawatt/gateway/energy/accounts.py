"""Keeps an account for every request in flight, and one for the time nobody asked."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from llamawatt.core.readings import Domain, DomainKind
from llamawatt.gateway.costs import TargetCosts
from llamawatt.gateway.energy.attribution import Claim, split
from llamawatt.gateway.energy.figure import AnswerEnergy, methods, unavailable
from llamawatt.gateway.energy.quiet import QuietIdle
from llamawatt.gateway.energy.slices import Slice
from llamawatt.gateway.energy.work import Work

SETTLE_S = 1.0
"""Time after the last answer before idle is believed: clocks and fans come down."""
COST_ERROR = 0.3
"""Relative error of the ratio of two requests' costs, by which a shared slice is split."""
TAIL_ERROR = 0.4
"""Relative error of the estimate for the moments that are not measured yet."""
UNKNOWN_SHARE = 0.05
"""An answer of which a larger part fell into time without readings has no figure."""


@dataclass(slots=True)
class _Account:
    work: Work
    costs: TargetCosts
    above_j: float = 0.0
    idle_j: float = 0.0
    edge_j2: float = 0.0
    split_j: float = 0.0
    window_j: float = 0.0
    gain_j: float = 0.0
    shared_with: int = 0
    idle_known: bool = True
    unknown_s: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, None] = field(default_factory=dict)
    until_s: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Totals:
    """Where all measured energy went. `attributed_j` and `alone_j` sum to `measured_j`.

    Attributes:
        measured_j: What was measured in the domains of the sum.
        attributed_j: What fell to requests, their part of the idle included.
        above_idle_j: The part of it that work caused, while idle power was known.
        alone_j: What was taken while nobody asked.
        waking_j: The part of that in which a target was starting.
        gateway_j: What the gateway's own CPU time took; it lies within the others.
    """

    measured_j: float = 0.0
    attributed_j: float = 0.0
    above_idle_j: float = 0.0
    alone_j: float = 0.0
    waking_j: float = 0.0
    gateway_j: float = 0.0


class Accounts:
    """Splits slices as they become known.

    Args:
        domains: Every domain read; those of the sum are split.
    """

    def __init__(self, domains: Sequence[Domain]) -> None:
        self._domains = {each.name: each for each in domains if each.in_total}
        self._method, self._is_modelled = methods(self._domains.values())
        self._open: dict[str, _Account] = {}
        self._states: list[tuple[float, str]] = [(-math.inf, "")]
        self._last_end_s = -math.inf
        self.idle = QuietIdle()
        self.totals = Totals()
        self.gateway_share = 0.0
        """The gateway's part of all CPU time of late."""

    def begin(self, request_id: str, work: Work, costs: TargetCosts) -> None:
        """Open the account of a request that is sent to its target."""
        self._open[request_id] = _Account(work, costs)

    def end(self, request_id: str, now_s: float) -> None:
        """Note that an answer ended; its account stays open until its slices are known."""
        self._open[request_id].work.ended_s = now_s
        self._last_end_s = max(self._last_end_s, now_s)

    def resident(self, now_s: float, state: str) -> None:
        """Note which targets are up; one that is starting has a `?` behind its name."""
        if state != self._states[-1][1]:
            self._states.append((now_s, state))

    def note(self, now_s: float) -> None:
        """Note how far every answer is."""
        for account in self._open.values():
            if account.work.ended_s is None:
                account.work.note(now_s)

    def settle(self, slices: Iterable[Slice], watermark_s: float) -> dict[str, AnswerEnergy]:
        """Split new slices; return the final figure of every request that is behind them."""
        for each in slices:
            if each.domain in self._domains:
                self._split(each)
        done = [
            request_id
            for request_id, account in self._open.items()
            if account.work.ended_s is not None and account.work.ended_s <= watermark_s
        ]
        settled = {request_id: self._figure(self._open.pop(request_id), ()) for request_id in done}
        for account in self._open.values():
            account.work.forget_before(watermark_s)
        while len(self._states) > 1 and self._states[1][0] <= watermark_s:
            self._states.pop(0)
        return settled

    def provisional(self, request_id: str, now_s: float) -> AnswerEnergy:
        """Return what an answer cost by now; what is not measured yet is estimated by its work."""
        account = self._open[request_id]
        tails = [
            self._tail(account, name, account.until_s.get(name, account.work.began_s), now_s)
            for name in self._domains
        ]
        return self._figure(account, tails, now_s)

    def has(self, request_id: str) -> bool:
        """Tell whether a request has an open account."""
        return request_id in self._open

    @property
    def n_open(self) -> int:
        """Number of accounts that are still open."""
        return len(self._open)

    def _split(self, each: Slice) -> None:
        there = [
            (request_id, account, presence_s)
            for request_id, account in self._open.items()
            if (presence_s := account.work.presence_s(each.t0_s, each.t1_s)) > 0
        ]
        state = self._state(each.t0_s)
        if each.energy_j is None:
            for _, account, presence_s in there:
                account.unknown_s[each.domain] = (
                    account.unknown_s.get(each.domain, 0.0) + presence_s
                )
                account.reasons[each.reason] = None
                account.until_s[each.domain] = each.t1_s
            return
        self._learn_idle(each, state, quiet=not there)
        idle_w = self.idle.power_w(each.domain, state)
        idle_j = None if idle_w is None else idle_w * each.duration_s
        is_cpu = self._domains[each.domain].kind in (DomainKind.CPU_PACKAGE, DomainKind.SOC)
        found = split(
            each.energy_j,
            idle_j,
            [Claim(r, self._work_j(a, each), p) for r, a, p in there],
            covered_share=_covered(each, [account.work for _, account, _ in there]),
            gateway_share=self.gateway_share if is_cpu else 0.0,
        )
        self._total(each.energy_j, found.alone_j, found.gateway_j, state)
        for request_id, account, presence_s in there:
            share = found.shares[request_id]
            self.totals.attributed_j += share.above_idle_j + share.idle_j
            self.totals.above_idle_j += 0.0 if idle_w is None else share.above_idle_j
            account.idle_known &= idle_w is not None
            _book(account, each, presence_s, (share.above_idle_j, share.idle_j, share.share))
            account.shared_with = max(account.shared_with, len(there) - 1)
            gain_error = self._domains[each.domain].gain_error_at(
                max(0.0, each.energy_j / each.duration_s)
            )
            account.gain_j += abs(share.above_idle_j + share.idle_j) * gain_error

    def _total(self, energy_j: float, alone_j: float, gateway_j: float, state: str) -> None:
        self.totals.measured_j += energy_j
        self.totals.alone_j += alone_j
        self.totals.gateway_j += gateway_j
        if "?" in state:
            self.totals.waking_j += alone_j

    def _learn_idle(self, each: Slice, state: str, *, quiet: bool) -> None:
        steady = self._state(each.t1_s) == state and "?" not in state
        if quiet and steady and each.t0_s > self._last_end_s + SETTLE_S:
            self.idle.add(each, state)

    def _state(self, t_s: float) -> str:
        place = bisect_right(self._states, t_s, key=lambda pair: pair[0]) - 1
        return self._states[max(place, 0)][1]

    def _work_j(self, account: _Account, each: Slice) -> float:
        return _work_between(account, each.t0_s, each.t1_s) * self._device_share(
            account.costs, each.domain
        )

    def _device_share(self, costs: TargetCosts, domain: str) -> float:
        kind = self._domains[domain].kind
        if kind is DomainKind.GPU:
            return costs.gpu_share
        return 1.0 - costs.gpu_share if kind is not DomainKind.OTHER else 1.0

    def _tail(
        self, account: _Account, domain: str, since_s: float, now_s: float
    ) -> tuple[float, float]:
        """Return what a domain is expected to have taken since it was booked: work, idle."""
        presence_s = account.work.presence_s(since_s, now_s)
        idle_w = self.idle.power_w(domain, self._state(now_s)) or 0.0
        busy = sum(other.work.ended_s is None for other in self._open.values())
        share = self._device_share(account.costs, domain)
        kinds = sum(self._device_share(account.costs, name) == share for name in self._domains)
        work_j = _work_between(account, since_s, now_s) * share / max(1, kinds)
        return work_j, idle_w * presence_s / max(1, busy)

    def _figure(
        self, account: _Account, tails: Sequence[tuple[float, float]], now_s: float | None = None
    ) -> AnswerEnergy:
        work = account.work
        end_s = work.ended_s if work.ended_s is not None else (now_s or work.began_s)
        duration_s = end_s - work.began_s
        lost = max(account.unknown_s.values(), default=0.0)
        if not self._domains or lost > UNKNOWN_SHARE * max(duration_s, 1e-9):
            reasons = " ".join(account.reasons) or "Nothing can be measured on this machine."
            return unavailable(reasons, duration_s)
        tail_above_j, tail_idle_j = (
            (sum(part) for part in zip(*tails, strict=True)) if tails else (0.0, 0.0)
        )
        above_j = account.above_j + tail_above_j
        spread_j = math.sqrt(account.edge_j2 + (TAIL_ERROR * (tail_above_j + tail_idle_j)) ** 2)
        return AnswerEnergy(
            energy_j=above_j + account.idle_j + tail_idle_j,
            above_idle_j=above_j if account.idle_known else None,
            uncertainty_j=spread_j + COST_ERROR * account.split_j + account.gain_j,
            duration_s=duration_s,
            window_j=account.window_j + tail_above_j + tail_idle_j,
            method=self._method,
            is_modelled=self._is_modelled,
            shared_with=account.shared_with,
            settled=not tails,
        )


def _work_between(account: _Account, t0_s: float, t1_s: float) -> float:
    work, costs = account.work, account.costs
    prefill_j = work.prefilled(t0_s, t1_s) * costs.prefill_j_per_token
    return prefill_j + work.decoded(t0_s, t1_s) * costs.decode_j_per_token()


def _book(
    account: _Account, each: Slice, presence_s: float, share: tuple[float, float, float]
) -> None:
    """Add a request's part of a slice, and what is uncertain about it."""
    above_j, idle_j, by_work = share
    account.above_j += above_j
    account.idle_j += idle_j
    account.until_s[each.domain] = each.t1_s
    there = min(1.0, presence_s / each.duration_s)
    account.window_j += (each.energy_j or 0.0) * there
    account.split_j += abs(above_j) * (1.0 - by_work)
    if there < 1.0:  # an end of the answer lies within: its part of the slice is a guess
        edge_share = min(1.0, each.edge_s / each.duration_s)
        spread = max(edge_share, there * (1.0 - there))
        account.edge_j2 += (spread * (each.energy_j or 0.0)) ** 2


def _covered(each: Slice, works: Sequence[Work]) -> float:
    """Return the part of a slice in which any request was in flight."""
    spans = sorted(
        (max(each.t0_s, work.began_s), min(each.t1_s, work.ended_s or math.inf)) for work in works
    )
    covered_s, reached_s = 0.0, each.t0_s
    for start_s, end_s in spans:
        covered_s += max(0.0, end_s - max(start_s, reached_s))
        reached_s = max(reached_s, end_s)
    return covered_s / each.duration_s if each.duration_s > 0 else 1.0
