"""Idle power and load energy, from the windows taken around trials."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llamawatt.analysis.estimates.gather import possible
from llamawatt.analysis.estimates.stats import Estimate, Floats, IntervalMethod, estimate
from llamawatt.core.readings import Method
from llamawatt.core.trials import IDLE_LEVELS, DomainEnergy, IdlePower, TrialRecord

_NOTHING: Mapping[str, IdlePower] = {}


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
        load_above_j: Joules to load above what the machine draws with nothing running.
    """

    arm: str
    power_w: Mapping[str, Estimate]
    extra_w: Estimate | None
    load_s: float | None
    load_j: float | None
    modelled: bool
    load_above_j: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Sessions:
    """Idle windows and loads of one arm; arrays of shape (n,), NaN where not measured.

    Attributes:
        arm: Name of the arm.
        power_w: Idle power by level, summed over the domains in the total.
        uncertainty_w: 95 % half-width of each.
        load_s: Time to load.
        load_j: Joules to load.
        load_above_j: Joules to load above bare idle.
        load_above_uncertainty_j: 95 % half-width of each.
        modelled: Whether any idle power is modelled.
    """

    arm: str
    power_w: Mapping[str, Floats]
    uncertainty_w: Mapping[str, Floats]
    load_s: Floats
    load_j: Floats
    load_above_j: Floats
    load_above_uncertainty_j: Floats
    modelled: bool


class IdleGatherer:
    """Gathers idle powers and loads: one set per session, as a session serves many trials.

    Where sessions were not noted, an arm's trials of one block are taken for one.
    """

    def __init__(self) -> None:
        self._seen: set[tuple[str, int]] = set()
        self._parts: dict[str, list[Sessions]] = {}
        self._bare: dict[str, list[IdlePower]] = {}

    def add(self, lot: Sequence[TrialRecord]) -> None:
        """Take some trials, in the order of execution."""
        firsts: dict[str, list[TrialRecord]] = {}
        for trial in lot:
            key = (trial.arm, trial.block if trial.session is None else trial.session)
            if key not in self._seen:
                self._seen.add(key)
                firsts.setdefault(trial.arm, []).append(trial)
                self._take_bare(trial)
        for arm, found in firsts.items():
            self._parts.setdefault(arm, []).append(_sessions(arm, found))

    def _take_bare(self, trial: TrialRecord) -> None:
        bare = trial.idle.get("bare", _NOTHING)
        for name, part in trial.energy.items():
            if part.in_total:
                found = self._bare.setdefault(name, [])
                if name in bare and is_possible(bare[name]):
                    found.append(bare[name])

    def common_bare(self) -> dict[str, float]:
        """Return the bare idle power that all arms of the run share; nothing where one lacks.

        Returns:
            `bare_w` and its 95 % half-width `bare_uncertainty_w`, summed over the domains in the
            total, and `bare_w/DOMAIN` of each: the mean over the sessions of all arms.
        """
        if not self._bare or not all(self._bare.values()):
            return {}
        means = {
            name: estimate(
                [power.power_w for power in found],
                [power.uncertainty_w for power in found],
                signed=True,
            )
            for name, found in self._bare.items()
        }
        half_widths = (
            found[0].uncertainty_w if made.high is None else made.high - made.value
            for made, found in zip(means.values(), self._bare.values(), strict=True)
        )
        return {
            "bare_w": math.fsum(made.value for made in means.values()),
            "bare_uncertainty_w": math.hypot(*half_widths),
            **{f"bare_w/{name}": made.value for name, made in means.items()},
        }

    def by_arm(self) -> dict[str, IdleOf]:
        """Return what was gathered, by arm."""
        return {arm: idle_of(_joined(parts)) for arm, parts in self._parts.items()}


def idle_by_arm(trials: Iterable[TrialRecord]) -> dict[str, IdleOf]:
    """Gather the idle powers and loads of a run."""
    gatherer = IdleGatherer()
    gatherer.add(tuple(trials))
    return gatherer.by_arm()


def _joined(parts: Sequence[Sessions]) -> Sessions:
    def levels(of: Callable[[Sessions], Mapping[str, Floats]]) -> dict[str, Floats]:
        return {level: np.concatenate([of(p)[level] for p in parts]) for level in IDLE_LEVELS}

    return Sessions(
        arm=parts[0].arm,
        power_w=levels(lambda p: p.power_w),
        uncertainty_w=levels(lambda p: p.uncertainty_w),
        load_s=np.concatenate([p.load_s for p in parts]),
        load_j=np.concatenate([p.load_j for p in parts]),
        load_above_j=np.concatenate([p.load_above_j for p in parts]),
        load_above_uncertainty_j=np.concatenate([p.load_above_uncertainty_j for p in parts]),
        modelled=any(p.modelled for p in parts),
    )


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
        signed=True,
    )
    load_s, load_j = _known(sessions.load_s), _known(sessions.load_j)
    return IdleOf(
        arm=sessions.arm,
        power_w=power_w,
        extra_w=extra_w,
        load_s=None if load_s is None else load_s.value,
        load_j=None if load_j is None else load_j.value,
        modelled=sessions.modelled,
        load_above_j=_known(sessions.load_above_j, sessions.load_above_uncertainty_j, signed=True),
    )


def break_even_s(load_above_j: Estimate, extra_w: Estimate) -> Estimate | None:
    """Return the silence after which unloading saves energy: load above bare over extra power.

    Returns:
        Seconds, with the interval of a quotient of two figures whose logarithms' half-widths add
        in quadrature; None where it cannot be told within a factor of two.
    """
    reach = 0.0
    for part in (load_above_j, extra_w):
        if part.low is None or part.high is None or part.low <= 0:
            return None
        reach = math.hypot(reach, math.log(part.high / part.low) / 2)
    if reach > math.log(2):
        return None
    value, n = load_above_j.value / extra_w.value, min(load_above_j.n, extra_w.n)
    low, high = value * math.exp(-reach), value * math.exp(reach)
    return Estimate(value, low, high, n, IntervalMethod.LOG_STUDENT_T)


def _known(
    values: Floats, uncertainties: Floats | None = None, *, signed: bool = False
) -> Estimate | None:
    known = np.isfinite(values)
    if not known.any():
        return None
    errors = None if uncertainties is None else np.nan_to_num(uncertainties[known])
    return estimate(values[known], errors, signed=signed)


def _sessions(arm: str, found: list[TrialRecord]) -> Sessions:
    names = dict.fromkeys(name for s in found for name in s.energy)
    summed = {name: np.array([_in_total(s.energy.get(name)) for s in found]) for name in names}
    sums = {level: _sums(found, level, summed) for level in IDLE_LEVELS}
    loads = [s.load for s in found]
    above = np.array([_load_above_j({} if load is None else load.energy) for load in loads])
    return Sessions(
        arm=arm,
        power_w={level: power_w for level, (power_w, _) in sums.items()},
        uncertainty_w={level: uncertainty_w for level, (_, uncertainty_w) in sums.items()},
        load_s=possible([math.nan if load is None else load.duration_s for load in loads]),
        load_j=possible([math.nan if load is None else _load_j(load.energy) for load in loads]),
        load_above_j=above[:, 0],
        load_above_uncertainty_j=above[:, 1],
        modelled=any(
            part.method is Method.MODEL
            for s in found
            for level in s.idle.values()
            for part in level.values()
        ),
    )


def is_possible(power: IdlePower) -> bool:
    """Whether a recorded idle power can be a reading at all."""
    return bool(np.isfinite(possible([power.power_w, power.uncertainty_w])).all())


def _in_total(part: DomainEnergy | None) -> bool:
    return part is not None and part.in_total


def _sums(
    found: list[TrialRecord], level: str, summed: Mapping[str, NDArray[np.bool_]]
) -> tuple[Floats, Floats]:
    """Watts and half-width over the domains that each session's windows sum; NaN if any lacks."""
    watts, squares, n_summed = (np.zeros(len(found)) for _ in range(3))
    for name, counts in summed.items():
        parts = [s.idle.get(level, _NOTHING).get(name) for s in found]
        read = [(math.nan, math.nan) if p is None else (p.power_w, p.uncertainty_w) for p in parts]
        power_w, uncertainty_w = possible(read).T
        watts += np.where(counts, power_w, 0.0)
        squares += np.where(counts, np.square(uncertainty_w), 0.0)
        n_summed += counts
    power_w = np.where(n_summed > 0, watts, math.nan)
    return power_w, np.where(n_summed > 0, np.sqrt(squares), math.nan)


def _load_j(energy: Mapping[str, DomainEnergy]) -> float:
    parts = [part.energy_j for part in energy.values() if part.in_total]
    return math.fsum(parts) if parts else math.nan


def _load_above_j(energy: Mapping[str, DomainEnergy]) -> tuple[float, float]:
    """Joules of a load above bare idle, and their half-width; NaN where any domain lacks them."""
    parts = [part for part in energy.values() if part.in_total]
    if not parts or any(part.above_idle_j is None for part in parts):
        return math.nan, math.nan
    return (
        math.fsum(part.above_idle_j or 0.0 for part in parts),
        math.hypot(*(part.above_idle_uncertainty_j or 0.0 for part in parts)),
    )
