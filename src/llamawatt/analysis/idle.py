"""Idle power and load energy, from the windows taken around trials."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from llamawatt.analysis.stats import Estimate, estimate
from llamawatt.core.readings import Method
from llamawatt.core.trials import DomainEnergy, IdlePower, TrialRecord

LEVELS = ("bare", "runtime", "model")
"""Nothing running, the runtime without a model, the model resident."""


@dataclass(frozen=True, slots=True)
class IdleOf:
    """Idle power of one arm, summed over the domains in the total.

    Attributes:
        arm: Name of the arm.
        power_w: By level.
        extra_w: Model resident less bare, paired by block; None without both.
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


def idle_by_arm(trials: Iterable[TrialRecord]) -> dict[str, IdleOf]:
    """Gather idle powers and loads: one set per arm and block, as sessions serve many trials."""
    first: dict[tuple[str, int], TrialRecord] = {}
    for trial in trials:
        first.setdefault((trial.arm, trial.block), trial)
    by_arm: dict[str, list[TrialRecord]] = {}
    for (arm, _), trial in first.items():
        by_arm.setdefault(arm, []).append(trial)
    return {arm: _of(arm, sessions) for arm, sessions in by_arm.items()}


def _of(arm: str, sessions: list[TrialRecord]) -> IdleOf:
    power_w = {}
    for level in LEVELS:
        sums = [made for s in sessions if (made := _sum(s, level)) is not None]
        if sums:
            power_w[level] = estimate([w for w, _ in sums], [u for _, u in sums])
    extra = [
        (model[0] - bare[0], math.hypot(model[1], bare[1]))
        for s in sessions
        if (model := _sum(s, "model")) is not None and (bare := _sum(s, "bare")) is not None
    ]
    loads = [s.load for s in sessions if s.load is not None]
    joules = [j for load in loads if (j := _load_j(load.energy)) is not None]
    return IdleOf(
        arm=arm,
        power_w=power_w,
        extra_w=estimate([w for w, _ in extra], [u for _, u in extra]) if extra else None,
        load_s=estimate([load.duration_s for load in loads]).value if loads else None,
        load_j=estimate(joules).value if joules else None,
        modelled=any(
            part.method is Method.MODEL
            for s in sessions
            for level in s.idle.values()
            for part in level.values()
        ),
    )


def _sum(session: TrialRecord, level: str) -> tuple[float, float] | None:
    """Watts and their half-width over the domains that the session's windows sum."""
    found: Mapping[str, IdlePower] = session.idle.get(level, {})
    names = [name for name, part in session.energy.items() if part.in_total]
    if not names or any(name not in found for name in names):
        return None
    return (
        math.fsum(found[name].power_w for name in names),
        math.hypot(*(found[name].uncertainty_w for name in names)),
    )


def _load_j(energy: Mapping[str, DomainEnergy]) -> float | None:
    parts = [part.energy_j for part in energy.values() if part.in_total]
    return math.fsum(parts) if parts else None
