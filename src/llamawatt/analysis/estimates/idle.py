"""Idle power and load energy, from the windows taken around trials."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from llamawatt.analysis.estimates.stats import Estimate, Floats, estimate
from llamawatt.core.readings import Method
from llamawatt.core.trials import IDLE_LEVELS, DomainEnergy, IdlePower, TrialRecord


@dataclass(frozen=True, slots=True)
class IdleOf:
    """Idle power of one arm, summed over the domains in the total.

    Attributes:
        arm: Name of the arm.
        power_w: By level.
        extra_w: Model resident less bare, paired by session; None without both.
        load_s: Time to load; None when the target was attached.
        load_j: Joules to load; None when not measured.
        modelled: Whether any part is modelled.
    """

    arm: str
    power_w: Mapping[str, Estimate]
    extra_w: Estimate | None
    load_s: float | None
    load_j: float | None
    modelled: bool


@dataclass(frozen=True, slots=True)
class Sessions:
    """Idle windows and loads of one arm; arrays of shape (n,), NaN where not measured.

    Attributes:
        arm: Name of the arm.
        power_w: Idle power by level, summed over the domains in the total.
        uncertainty_w: 95 % half-width of each.
        load_s: Time to load.
        load_j: Joules to load.
        modelled: Whether any idle power is modelled.
    """

    arm: str
    power_w: Mapping[str, Floats]
    uncertainty_w: Mapping[str, Floats]
    load_s: Floats
    load_j: Floats
    modelled: bool


def idle_by_arm(trials: Iterable[TrialRecord]) -> dict[str, IdleOf]:
    """Gather idle powers and loads: one set per session, as a session serves many trials.

    Where sessions were not noted, an arm's trials of one block are taken for one.
    """
    first: dict[tuple[str, int], TrialRecord] = {}
    for trial in trials:
        session = trial.block if trial.session is None else trial.session
        first.setdefault((trial.arm, session), trial)
    by_arm: dict[str, list[TrialRecord]] = {}
    for (arm, _), trial in first.items():
        by_arm.setdefault(arm, []).append(trial)
    return {arm: idle_of(_sessions(arm, found)) for arm, found in by_arm.items()}


def idle_of(sessions: Sessions) -> IdleOf:
    """Estimate the idle powers of one arm from its sessions."""
    power_w = {}
    for level in IDLE_LEVELS:
        made = _known(sessions.power_w[level], sessions.uncertainty_w[level])
        if made is not None:
            power_w[level] = made
    extra_w = _known(
        sessions.power_w["model"] - sessions.power_w["bare"],
        np.hypot(sessions.uncertainty_w["model"], sessions.uncertainty_w["bare"]),
    )
    load_s, load_j = _known(sessions.load_s), _known(sessions.load_j)
    return IdleOf(
        arm=sessions.arm,
        power_w=power_w,
        extra_w=extra_w,
        load_s=None if load_s is None else load_s.value,
        load_j=None if load_j is None else load_j.value,
        modelled=sessions.modelled,
    )


def _known(values: Floats, uncertainties: Floats | None = None) -> Estimate | None:
    known = np.isfinite(values)
    if not known.any():
        return None
    return estimate(values[known], None if uncertainties is None else uncertainties[known])


def _sessions(arm: str, found: list[TrialRecord]) -> Sessions:
    sums = {level: np.array([_sum(s, level) for s in found]) for level in IDLE_LEVELS}
    loads = [s.load for s in found]
    return Sessions(
        arm=arm,
        power_w={level: both[:, 0] for level, both in sums.items()},
        uncertainty_w={level: both[:, 1] for level, both in sums.items()},
        load_s=np.array([math.nan if load is None else load.duration_s for load in loads]),
        load_j=np.array([math.nan if load is None else _load_j(load.energy) for load in loads]),
        modelled=any(
            part.method is Method.MODEL
            for s in found
            for level in s.idle.values()
            for part in level.values()
        ),
    )


def _sum(session: TrialRecord, level: str) -> tuple[float, float]:
    """Watts and half-width over the domains that the session's windows sum; NaN if any lacks."""
    found: Mapping[str, IdlePower] = session.idle.get(level, {})
    names = [name for name, part in session.energy.items() if part.in_total]
    if not names or any(name not in found for name in names):
        return math.nan, math.nan
    return (
        math.fsum(found[name].power_w for name in names),
        math.hypot(*(found[name].uncertainty_w for name in names)),
    )


def _load_j(energy: Mapping[str, DomainEnergy]) -> float:
    parts = [part.energy_j for part in energy.values() if part.in_total]
    return math.fsum(parts) if parts else math.nan
