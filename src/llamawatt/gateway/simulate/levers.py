"""What each lever saves on a trace: batching, unloading, routing, one after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llamawatt.gateway.costs import TargetCosts
from llamawatt.gateway.policy.router import Policy
from llamawatt.gateway.simulate.arrivals import Arrival
from llamawatt.gateway.simulate.play import Played, Setup, only, play

N_SLOTS = 32


@dataclass(frozen=True, slots=True)
class Levers:
    """A trace played in every setup.

    Attributes:
        n_requests: Requests of the trace.
        duration_s: Its length.
        fixed: Each target alone, always resident, batching.
        resident: The fastest target alone, always resident, one request at a time: the base.
        batching: The same, serving many at once.
        unloading: The same, unloading as well.
        routing: All targets, by the policy.
    """

    n_requests: int
    duration_s: float
    fixed: tuple[Played, ...]
    resident: Played
    batching: Played
    unloading: Played
    routing: Played

    @property
    def best_fixed(self) -> Played:
        """The target that takes least when it alone serves, always resident."""
        return min(self.fixed, key=lambda each: each.energy_j)

    def saving_share(self) -> float:
        """Return what all levers together save of the base."""
        return 1.0 - self.routing.energy_j / self.resident.energy_j

    def steps(self) -> tuple[tuple[str, Played, float], ...]:
        """Return each lever, what is left with it, and what it saves of the base, as a share."""
        base_j, before_j = self.resident.energy_j, self.resident.energy_j
        found = []
        for name, played in (
            ("batching", self.batching),
            ("unloading", self.unloading),
            ("routing", self.routing),
        ):
            found.append((name, played, (before_j - played.energy_j) / base_j))
            before_j = played.energy_j
        return tuple(found)


def play_levers(
    arrivals: Sequence[Arrival],
    costs: Mapping[str, TargetCosts],
    policy: Policy = Policy.ENERGY,
    n_slots: int = N_SLOTS,
) -> Levers:
    """Play a trace with one lever after the other.

    Args:
        arrivals: The trace.
        costs: What the targets cost; the one that generates fastest is the base.
        policy: How the router chooses.
        n_slots: Requests that a target serves at once with batching.
    """
    fastest = max(costs, key=lambda name: costs[name].decode_tokens_per_s())
    every = Setup("all", costs, policy)
    alone = only(every, fastest, f"{fastest} always resident")
    batching = Setup("batching", alone.costs, policy, n_slots)
    return Levers(
        len(arrivals),
        arrivals[-1].t_s if arrivals else 0.0,
        tuple(
            play(arrivals, Setup(name, {name: own}, policy, n_slots)) for name, own in costs.items()
        ),
        play(arrivals, alone),
        play(arrivals, batching),
        play(arrivals, Setup("unloading", alone.costs, policy, n_slots, unloads=True)),
        play(arrivals, Setup("routing", costs, policy, n_slots, unloads=True)),
    )
