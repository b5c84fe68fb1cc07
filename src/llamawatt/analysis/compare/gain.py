"""Gain errors in a ratio: what cancels and what does not.

With domain shares `a_d` and `b_d` of both arms' joules and gain bounds `g_d`, first order gives
`|d ln R| <= sum g_d |a_d - b_d|`: a sensor's gain cancels as far as both arms lean on it equally,
and adds where they lean on different sensors. A modelled domain does not cancel between arms: its
error depends on the load. Between two machines nothing cancels.

A gain of +-g moves a logarithm by ln(1 + g) or ln(1 - g). Their mean, `atanh(g)`, stands for
`g_d`: it is g when g is small, and exact for the ratio of two figures both off by a large g.
"""

import math
from collections.abc import Mapping

import numpy as np

from llamawatt.analysis.estimates.cells import Cell, DomainColumns
from llamawatt.core.metrics import Kind, MetricSpec
from llamawatt.core.readings import Method

_GAIN_MAX = 0.99


def gain_bound(
    arm: Mapping[str, DomainColumns],
    baseline: Mapping[str, DomainColumns],
    info: MetricSpec,
    *,
    same_sensors: bool = True,
    same_work: bool = False,
) -> float:
    """Return the bound of the gain errors on the logarithm of a ratio; see the module's head."""
    if not info.is_energy:
        return 0.0
    a, b = _leanings(arm, info), _leanings(baseline, info)
    bound = 0.0
    for name in a.keys() | b.keys():
        share_a, gain_a, modelled_a = a.get(name, (0.0, 0.0, False))
        share_b, gain_b, modelled_b = b.get(name, (0.0, 0.0, False))
        cancels = same_sensors and (same_work or not (modelled_a or modelled_b))
        apart = abs(gain_a * share_a) + abs(gain_b * share_b)
        bound += max(gain_a, gain_b) * abs(share_a - share_b) if cancels else apart
    return bound


def baseline_bound(a: Cell, b: Cell, info: MetricSpec, *, shared: bool = True) -> float:
    """Return what the error of the common bare idle does to the logarithm of a ratio.

    It is one error in all trials, so repeats do not shrink it; it cancels as far as the same share
    of both arms' joules was taken off. Two runs share no such error.
    """
    if info.kind is not Kind.ABOVE_BARE:
        return 0.0
    one, other = (cell.common_j(info) / cell.mean(info.key) for cell in (a, b))
    return abs(one - other) if shared else math.hypot(one, other)


def _joules(domain: DomainColumns, kind: Kind) -> float:
    """Median joules of a figure's kind in a domain; gross ones where its idle is not known."""
    above = {Kind.ABOVE_BARE: domain.above_bare_j, Kind.ABOVE_IDLE: domain.above_idle_j}
    joules = above.get(kind, domain.energy_j)
    joules = joules if np.isfinite(joules).any() else domain.energy_j
    return float(np.nanmedian(joules)) if np.isfinite(joules).any() else 0.0


def _gain(domain: DomainColumns) -> float:
    """Median relative gain bound of a domain's windows; none where no joule is known."""
    known = np.isfinite(domain.energy_j) & (domain.energy_j != 0)
    gains = np.abs(domain.systematic_j[known] / domain.energy_j[known])
    return float(np.nanmedian(gains)) if np.isfinite(gains).any() else 0.0


def _leanings(
    domains: Mapping[str, DomainColumns], info: MetricSpec
) -> dict[str, tuple[float, float, bool]]:
    """Share of the joules, relative gain bound and whether modelled, by domain."""
    parts = {name: d for name, d in domains.items() if d.in_total}
    joules = {name: _joules(d, info.kind) for name, d in parts.items()}
    total = math.fsum(joules.values())
    return {
        name: (
            joules[name] / total,
            math.atanh(min(_gain(d), _GAIN_MAX)),
            Method.MODEL in d.methods,
        )
        for name, d in parts.items()
        if total
    }
