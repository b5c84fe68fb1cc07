"""Where a request runs: predicted joules and seconds on each target, and a policy among them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from llamawatt.gateway.costs import TargetCosts


class Policy(StrEnum):
    """What is made small."""

    LATENCY = "latency"
    ENERGY = "energy"
    EDP = "edp"
    BATTERY = "battery"


class State(StrEnum):
    """What a target is doing."""

    OFF = "off"
    STARTING = "starting"
    WARM = "warm"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Supply:
    """How the machine is powered.

    Attributes:
        on_battery: Whether its battery feeds it.
        charge_share: What is left in it, 0..1.
        low_share: Below this, what can wait does.
    """

    on_battery: bool = False
    charge_share: float = 1.0
    low_share: float = 0.2

    @property
    def is_low(self) -> bool:
        """Whether little is left."""
        return self.on_battery and self.charge_share < self.low_share


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as the router sees it.

    Attributes:
        n_prompt: Prompt tokens, estimated.
        n_generated: Generated tokens, expected.
        ttft_s: Longest wait for the first token; None for any.
        deadline_s: Longest time for the whole answer; None for any.
        can_wait: Whether it may be put off until the machine is plugged in.
    """

    n_prompt: float
    n_generated: float
    ttft_s: float | None = None
    deadline_s: float | None = None
    can_wait: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """A target as it stands.

    Attributes:
        name: Its name.
        costs: What its work costs.
        state: What it is doing.
        n_busy: Requests it serves now.
        n_waiting: Requests that wait for it.
        n_slots: Requests it serves at once.
        ready_in_s: Time until it is healthy, while it starts.
        n_cached: Prompt tokens of this request that it holds in its cache.
        worth_j: Joules that speak for waking it, beside those that this request saves.
    """

    name: str
    costs: TargetCosts
    state: State = State.WARM
    n_busy: int = 0
    n_waiting: int = 0
    n_slots: int = 1
    ready_in_s: float = 0.0
    n_cached: float = 0.0
    worth_j: float = 0.0


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a request would cost on one target.

    Attributes:
        target: Name of the target.
        work_j: Energy of the work itself.
        wake_j: Energy of waking the target for it; 0 where it is on or starting.
        ttft_s: Time to the first token.
        latency_s: Time to the last one.
    """

    target: str
    work_j: float
    wake_j: float
    ttft_s: float
    latency_s: float

    @property
    def energy_j(self) -> float:
        """Energy of both."""
        return self.work_j + self.wake_j


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a request runs, and why.

    Attributes:
        target: Name of the target; None when it waits, or no target can take it.
        reason: Why, in a few words.
        predicted: What it is expected to cost there; None without a target.
        waits: Whether it is put off.
        missed: Target that is off and would have been cheaper on, with the joules it would have
            saved: what adds up to a reason to wake it.
        savings: Target → joules that its work saves against the cheapest of the others.
    """

    target: str | None
    reason: str
    predicted: Prediction | None = None
    waits: bool = False
    missed: tuple[str, float] | None = None
    savings: tuple[tuple[str, float], ...] = ()


def predict(ask: Ask, at: Standing) -> Prediction:
    """Return what a request would cost on a target, as it stands."""
    costs = at.costs
    n_read = max(0.0, ask.n_prompt - at.n_cached)
    n_busy = min(at.n_busy, at.n_slots - 1)
    rate_per_s = costs.decode_tokens_per_s(n_busy + 1) / (n_busy + 1)
    prefill_s, decode_s = n_read / costs.prefill_tokens_per_s, ask.n_generated / rate_per_s
    n_before = max(0, at.n_busy + at.n_waiting - at.n_slots + 1)
    queue_s = n_before * (prefill_s + decode_s) / at.n_slots
    off = at.state is State.OFF
    start_s = costs.wake_s if off else at.ready_in_s
    ttft_s = start_s + queue_s + prefill_s
    work_j = n_read * costs.prefill_j_per_token
    work_j += ask.n_generated * costs.added_j_per_token(n_busy)
    if off:
        work_j += costs.resident_w * (prefill_s + decode_s)
    return Prediction(at.name, work_j, costs.wake_j if off else 0.0, ttft_s, ttft_s + decode_s)


def decide(
    ask: Ask, standings: Sequence[Standing], policy: Policy, supply: Supply = Supply()
) -> Decision:
    """Choose a target for a request.

    Args:
        ask: The request.
        standings: The targets that hold its model.
        policy: What is made small.
        supply: How the machine is powered.
    """
    able = {each.name: each for each in standings if each.state is not State.FAILED}
    if not able:
        return Decision(None, "no target is healthy")
    if ask.can_wait and supply.is_low:
        return Decision(None, f"waits: battery below {supply.low_share:.0%}", waits=True)
    predicted = [predict(ask, each) for each in able.values()]
    in_time = [each for each in predicted if _in_time(each, ask)]
    if not in_time:
        fastest = min(predicted, key=lambda each: (each.ttft_s, each.latency_s))
        return Decision(fastest.target, "no target is fast enough; the fastest", fastest)
    kind = _in_force(policy, supply)
    if kind is Policy.ENERGY:
        return _cheapest(in_time, able, policy)
    chosen = min(in_time, key=_rank(kind))
    return Decision(chosen.target, _why(policy, kind, chosen, len(predicted)), chosen)


def _in_force(policy: Policy, supply: Supply) -> Policy:
    if policy is not Policy.BATTERY:
        return policy
    return Policy.ENERGY if supply.on_battery else Policy.EDP


def _rank(kind: Policy) -> Callable[[Prediction], float]:
    if kind is Policy.LATENCY:
        return lambda each: each.latency_s
    return lambda each: each.energy_j * each.latency_s


def _in_time(each: Prediction, ask: Ask) -> bool:
    soon = ask.ttft_s is None or each.ttft_s <= ask.ttft_s
    return soon and (ask.deadline_s is None or each.latency_s <= ask.deadline_s)


def _cheapest(in_time: Sequence[Prediction], able: dict[str, Standing], policy: Policy) -> Decision:
    """Choose the least joules; one that is off must first have earned its waking.

    Waking costs its own energy and as much again until it unloads. What else speaks for waking
    counts against that; see `WakeValue`.
    """

    def charged_j(each: Prediction) -> float:
        owed_j = max(0.0, 2 * each.wake_j - able[each.target].worth_j)
        return each.work_j + owed_j

    chosen = min(in_time, key=charged_j)
    best_on = min(in_time, key=lambda each: each.work_j)
    missed = None
    if best_on.wake_j > 0 and best_on.target != chosen.target:
        missed = (best_on.target, chosen.work_j - best_on.work_j)
    reason = _why(policy, Policy.ENERGY, chosen, len(able))
    return Decision(chosen.target, reason, chosen, missed=missed, savings=_savings(in_time))


def _savings(predicted: Sequence[Prediction]) -> tuple[tuple[str, float], ...]:
    """Return what the work of each saves against the cheapest of the others."""
    found = []
    for each in predicted:
        others_j = [other.work_j for other in predicted if other is not each]
        if others_j:
            found.append((each.target, min(others_j) - each.work_j))
    return tuple(found)


def _why(policy: Policy, kind: Policy, chosen: Prediction, n_targets: int) -> str:
    if n_targets == 1:
        return "only target"
    least = {Policy.LATENCY: "fastest", Policy.ENERGY: "least energy", Policy.EDP: "least EDP"}
    named = f"{policy}: {least[kind]}" if policy is not kind else f"{kind}: {least[kind]}"
    woken = ", woken for it" if chosen.wake_j > 0 else ""
    return f"{named}, {chosen.energy_j:.3g} J in {chosen.latency_s:.3g} s expected{woken}"
