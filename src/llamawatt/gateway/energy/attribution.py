"""Splits one slice of measured energy among the requests in flight, by the work each did in it.

What is split always sums to what was measured: idle power is set apart first, the rest goes by
work, and what nobody asked for stays with nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """What one request did in a slice.

    Attributes:
        request_id: Which request.
        work_j: What its work in the slice costs by the coefficients of its target, in expectation.
        presence_s: For how long of the slice it was in flight.
    """

    request_id: str
    work_j: float
    presence_s: float


@dataclass(frozen=True, slots=True)
class Share:
    """One request's part of a slice.

    Attributes:
        above_idle_j: What its work caused.
        idle_j: Its part of the idle energy, by time in flight.
        share: Its part of the work, 0..1.
    """

    above_idle_j: float
    idle_j: float
    share: float


@dataclass(frozen=True, slots=True)
class Split:
    """Where the energy of a slice went. Shares and `alone_j` sum to what was measured.

    Attributes:
        shares: By request.
        alone_j: Energy while nobody asked: idle, loading, and what others do.
        gateway_j: The part that the gateway's own CPU time took; it lies within the shares, or
            within `alone_j`.
    """

    shares: dict[str, Share]
    alone_j: float
    gateway_j: float


def split(
    energy_j: float,
    idle_j: float | None,
    claims: Sequence[Claim],
    *,
    covered_share: float = 1.0,
    gateway_share: float = 0.0,
) -> Split:
    """Split the energy of a slice.

    Args:
        energy_j: What was measured.
        idle_j: What the domain would have taken had nobody asked; None where that is unknown.
        claims: What the requests in flight did.
        covered_share: Part of the slice in which any request was in flight, 0..1. What the rest
            took stays with nobody: idle energy, or its part by time where idle is unknown.
        gateway_share: The gateway's part of all CPU time in the slice, 0..1; 0 for other domains.
    """
    uncovered_share = 1.0 - min(1.0, max(0.0, covered_share))
    alone_j = (energy_j if idle_j is None else idle_j) * uncovered_share
    shared_idle_j = 0.0 if idle_j is None else idle_j - alone_j
    active_j = energy_j - alone_j - shared_idle_j
    gateway_j = min(1.0, max(0.0, gateway_share)) * max(0.0, active_j)
    presence_s = sum(claim.presence_s for claim in claims)
    if presence_s <= 0:
        return Split({}, energy_j, gateway_j)
    there = [claim.presence_s / presence_s for claim in claims]
    work_j = sum(claim.work_j for claim in claims)
    done = [claim.work_j / work_j for claim in claims] if work_j > 0 else there
    return Split(
        {
            claim.request_id: Share(
                (active_j - gateway_j) * by_work + gateway_j * by_time,
                shared_idle_j * by_time,
                by_work,
            )
            for claim, by_work, by_time in zip(claims, done, there, strict=True)
        },
        alone_j,
        gateway_j,
    )
