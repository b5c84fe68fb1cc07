"""Plays a trace on a simulated machine with the gateway's own router and unload rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from llamawatt.gateway.costs import TargetCosts
from llamawatt.gateway.policy.learning import LearntMean
from llamawatt.gateway.policy.router import Ask, Policy, State, decide
from llamawatt.gateway.policy.unload import UnloadRule
from llamawatt.gateway.simulate.arrivals import Arrival
from llamawatt.gateway.simulate.machine import Job, SimulatedTarget, Spent

GUESSED_TOKENS = 150.0
"""Tokens that an answer is expected to have before one was seen."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How the gateway is set up.

    Attributes:
        name: What it is called in the table.
        costs: The targets.
        policy: How it chooses among them.
        n_slots: Requests that each target serves at once.
        unloads: Whether targets unload when they fall silent.
    """

    name: str
    costs: Mapping[str, TargetCosts]
    policy: Policy = Policy.ENERGY
    n_slots: int = 1
    unloads: bool = False


@dataclass(frozen=True, slots=True)
class Played:
    """What a trace took in one setup.

    Attributes:
        setup: The setup.
        spent: Joules above the machine's bare idle.
        latency_s: Of every request, rising.
        n_by_target: Requests by target.
        duration_s: From the first request to the last answer.
    """

    setup: Setup
    spent: Spent
    latency_s: tuple[float, ...]
    n_by_target: Mapping[str, int]
    duration_s: float

    @property
    def energy_j(self) -> float:
        """All joules."""
        return self.spent.energy_j

    def latency_at_s(self, share: float) -> float:
        """Return the latency that a share of the requests stays within."""
        return self.latency_s[min(len(self.latency_s) - 1, int(share * len(self.latency_s)))]


def play(arrivals: Sequence[Arrival], setup: Setup) -> Played:
    """Play a trace. Targets that never unload are loaded from the start."""
    targets = {name: _target(name, costs, setup) for name, costs in setup.costs.items()}
    expected = LearntMean(GUESSED_TOKENS)
    now_s, jobs = 0.0, list[Job]()
    for arrival in arrivals:
        now_s = _run(targets, now_s, arrival.t_s)
        jobs.append(_send(targets, arrival, setup.policy, expected, now_s))
        expected.learn(arrival.n_generated)
    while any(each.active or each.queue for each in targets.values()):
        now_s = _run(targets, now_s, min(each.next_s(now_s) for each in targets.values()))
    parts = [each.spent for each in targets.values()]
    return Played(
        setup,
        Spent(
            sum(part.work_j for part in parts),
            sum(part.resident_j for part in parts),
            sum(part.wake_j for part in parts),
            sum(part.n_wakes for part in parts),
        ),
        tuple(sorted(job.done_s - job.arrival.t_s for job in jobs)),
        {name: sum(job.target == name for job in jobs) for name in targets},
        now_s,
    )


def _target(name: str, costs: TargetCosts, setup: Setup) -> SimulatedTarget:
    rule = UnloadRule(costs, always_resident=not setup.unloads)
    state = State.OFF if setup.unloads else State.WARM
    return SimulatedTarget(name, costs, rule, setup.n_slots, state)


def _run(targets: Mapping[str, SimulatedTarget], now_s: float, until_s: float) -> float:
    """Let everything happen up to a moment."""
    while True:
        next_s = min(until_s, *(each.next_s(now_s) for each in targets.values()))
        next_s = max(next_s, now_s)
        for each in targets.values():
            each.advance(now_s, next_s - now_s)
        now_s = next_s
        for each in targets.values():
            each.happen(now_s)
        if now_s >= until_s:
            return now_s


def _send(
    targets: Mapping[str, SimulatedTarget],
    arrival: Arrival,
    policy: Policy,
    expected: LearntMean,
    now_s: float,
) -> Job:
    ask = Ask(arrival.n_prompt, expected.mean)
    standings = [each.standing(now_s) for each in targets.values()]
    decision = decide(ask, standings, policy)
    if decision.missed is not None:
        name, missed_j = decision.missed
        targets[name].waking.missed(missed_j)
    for name, saved_j in decision.savings:
        targets[name].waking.asked(now_s)
        targets[name].waking.could_save(saved_j)
    if decision.target is None:
        raise AssertionError("simulated targets never fail")
    return targets[decision.target].take(arrival, now_s)


def only(setup: Setup, target: str, name: str) -> Setup:
    """Return a setup with one of its targets alone."""
    return replace(setup, name=name, costs={target: setup.costs[target]})
