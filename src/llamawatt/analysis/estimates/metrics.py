"""From requests and joules to what a trial comes to: pure arithmetic over records."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llamawatt.analysis.estimates.gather import gather
from llamawatt.analysis.estimates.stats import Floats
from llamawatt.core.flags import Flag
from llamawatt.core.metrics import METRICS
from llamawatt.core.readings import Domain, EnergyReading, Method
from llamawatt.core.trials import DomainEnergy, IdlePower, TrialRecord


def domain_energy(reading: EnergyReading, domain: Domain, idle: IdlePower | None) -> DomainEnergy:
    """Turn a window's reading into the record of its domain, gross and above idle.

    Above idle is `E - P_idle * t`; its random error adds both parts in quadrature. Measured
    energy less modelled idle (or the reverse) is no quantity, so then there is no above-idle.

    Args:
        reading: Energy of the domain over the window.
        domain: The domain that was read.
        idle: Its mean power with the model resident; None when no idle window was taken.

    Returns:
        The record, with the reading's own flags, and `modelled` where it applies.

    Raises:
        ValueError: The window has no length.
    """
    if not reading.duration_s > 0:
        raise ValueError(f"window of {reading.domain} has no length: {reading.duration_s} s")
    above_idle_j, above_idle_uncertainty_j = None, None
    if idle is not None and _same_kind(idle.method, reading.method):
        above_idle_j = reading.energy_j - idle.power_w * reading.duration_s
        above_idle_uncertainty_j = math.hypot(
            reading.uncertainty_j, idle.uncertainty_w * reading.duration_s
        )
    flags = reading.flags
    if reading.method is Method.MODEL and Flag.MODELLED not in flags:
        flags = (*flags, Flag.MODELLED)
    return DomainEnergy(
        energy_j=reading.energy_j,
        uncertainty_j=reading.uncertainty_j,
        systematic_j=reading.systematic_j,
        method=reading.method,
        mean_power_w=reading.mean_power_w,
        above_idle_j=above_idle_j,
        above_idle_uncertainty_j=above_idle_uncertainty_j,
        source=domain.source,
        in_total=domain.in_total,
        flags=flags,
    )


_MOST = 1e30
"""No figure is beyond this in any unit: what is divided by nearly nothing is unknown."""


@dataclass(frozen=True, slots=True)
class EnergySum:
    """Joules of several domains together.

    Attributes:
        energy_j: Their sum.
        uncertainty_j: Half-width of the 95 % interval of its random error, in quadrature.
        systematic_j: 95 % bound of its gain error, added linearly.
    """

    energy_j: float
    uncertainty_j: float
    systematic_j: float


def energy_sum(parts: Sequence[DomainEnergy]) -> EnergySum | None:
    """Sum domains; without any there is no sum, and no zero in its place."""
    if not parts:
        return None
    return EnergySum(
        energy_j=math.fsum(part.energy_j for part in parts),
        uncertainty_j=math.hypot(*(part.uncertainty_j for part in parts)),
        systematic_j=math.fsum(part.systematic_j for part in parts),
    )


def derive(
    quantities: Mapping[str, Floats], given: Mapping[str, float] | None = None
) -> dict[str, Floats]:
    """Apply the formula of every metric to the quantities of some trials.

    Args:
        quantities: By name, as `core.metrics.QUANTITIES` lists them, shape (n,).
        given: What holds for the whole run, by name. A metric that needs what is not given is
            absent.

    Returns:
        By metric, shape (n,), NaN where unknown.
    """
    known: dict[str, Any] = {**quantities, **(given or {})}
    with np.errstate(all="ignore"):
        made = {
            spec.key: spec.formula(known)
            for spec in METRICS.values()
            if all(name in known for name in spec.needs)
        }
    return {key: np.where(np.abs(v) < _MOST, v, np.nan) for key, v in made.items()}


def trial_metrics(trial: TrialRecord, boundary: Sequence[str] = ()) -> dict[str, float | None]:
    """Return what a trial comes to, to be written beside what it was made from.

    Energy per reply is the window's joules, summed over the domains in the total, over its
    replies: the gaps between requests are paid for too. Random errors of the domains add in
    quadrature, their gain errors linearly. With concurrent streams the same division gives
    each reply its share, and latencies still are those that each client saw.

    Args:
        trial: The trial; whatever its `metrics` say is passed over.
        boundary: Domains that must all be there for a sum.

    Returns:
        By metric, None where unknown; with the errors and parts of `energy_j` per reply, and the
        counts of replies and tokens.

    Raises:
        ValueError: There is no request, or the window has no length.
    """
    if not trial.requests:
        raise ValueError("a window without a finished request has no metrics")
    if not trial.window.duration_s > 0:
        raise ValueError(f"the window has no length: {trial.window.duration_s} s")
    q = gather([trial], boundary).quantities
    parts = {
        "uncertainty_j": q["window_uncertainty_j"] / q["n_replies"],
        "systematic_j": q["window_systematic_j"] / q["n_replies"],
        "measured_j": (q["window_j"] - q["window_modelled_j"]) / q["n_replies"],
        "modelled_j": q["window_modelled_j"] / q["n_replies"],
    }
    counts = {name: q[name] for name in ("n_replies", "n_prompt", "n_generated")}
    figures = {key: values.item() for key, values in {**derive(q), **parts, **counts}.items()}
    return {key: value if math.isfinite(value) else None for key, value in figures.items()}


def _same_kind(a: Method, b: Method) -> bool:
    return (a is Method.MODEL) == (b is Method.MODEL)
