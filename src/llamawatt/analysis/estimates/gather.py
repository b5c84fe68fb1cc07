"""From trial records to columns: the quantities that every metric is made of.

Records are taken in lots, so that a long run needs no more memory than its columns.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from operator import attrgetter

import numpy as np
from numpy.typing import ArrayLike

from llamawatt.analysis.estimates.stats import Floats
from llamawatt.core.readings import Method
from llamawatt.core.trials import RequestRecord, TrialRecord

N_LOT = 2048
"""Trials that are turned into columns at a time."""

_UNKNOWN = np.nan

_MOST, _LEAST = 1e12, 1e-12
"""No joule, watt, second or token of a trial is beyond these: such a number is no reading."""
_read_request = attrgetter(
    "n_prompt", "n_generated", "latency_s", "ttft_s", "prefill_s", "decode_s", "n_first"
)
_read_energy = attrgetter(
    "energy_j", "uncertainty_j", "systematic_j", "above_idle_j", "above_idle_uncertainty_j",
    "in_total",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DomainRows:
    """Energy of one domain in the windows of some trials; arrays of shape (n,), NaN where unknown.

    Attributes:
        energy_j: Gross joules of the window.
        uncertainty_j: 95 % half-width of their random error.
        systematic_j: 95 % bound of their gain error.
        above_idle_j: Joules above model-resident idle.
        above_idle_uncertainty_j: 95 % half-width of that difference.
        in_total: Whether it is summed: one where it is, zero where not or absent.
        modelled: Whether it was modelled, likewise.
    """

    energy_j: Floats
    uncertainty_j: Floats
    systematic_j: Floats
    above_idle_j: Floats
    above_idle_uncertainty_j: Floats
    in_total: Floats
    modelled: Floats


_DOMAIN_FIELDS = tuple(field.name for field in fields(DomainRows))


@dataclass(frozen=True, slots=True)
class Lot:
    """Columns of some trials.

    Attributes:
        quantities: By name, as `core.metrics.QUANTITIES` lists them, shape (n,).
        domains: By domain name.
    """

    quantities: dict[str, Floats]
    domains: dict[str, DomainRows]


def lots(trials: Iterable[TrialRecord]) -> Iterable[list[TrialRecord]]:
    """Yield trials in lots."""
    rest = iter(trials)
    while lot := list(islice(rest, N_LOT)):
        yield lot


def gather(trials: Sequence[TrialRecord], boundary: Sequence[str] = ()) -> Lot:
    """Return the columns of a lot of trials.

    Args:
        trials: The trials, n of them.
        boundary: Domains that must all be there for a sum: one that lacks a domain would look
            like a saving. Without any, all that a trial has are summed.
    """
    duration_s = possible([trial.window.duration_s for trial in trials])
    names = dict.fromkeys(name for trial in trials for name in trial.energy)
    domains = {name: _domain(trials, name, duration_s) for name in names}
    quantities = {
        "duration_s": duration_s,
        **_requests(trials),
        **_energy(domains, boundary, len(trials)),
    }
    return Lot(quantities, domains)


def joined(parts: Sequence[Lot]) -> Lot:
    """Return several lots as one; a domain that a lot lacks is unknown there."""
    names = dict.fromkeys(name for part in parts for name in part.domains)
    counts = [part.quantities["duration_s"].size for part in parts]
    keys = parts[0].quantities if parts else ()
    return Lot(
        {key: np.concatenate([part.quantities[key] for part in parts]) for key in keys},
        {name: _joined_domain(parts, counts, name) for name in names},
    )


def _joined_domain(parts: Sequence[Lot], counts: Sequence[int], name: str) -> DomainRows:
    def column(field: str) -> Floats:
        absent = 0.0 if field in {"in_total", "modelled"} else _UNKNOWN
        return np.concatenate(
            [
                getattr(part.domains[name], field) if name in part.domains else np.full(n, absent)
                for part, n in zip(parts, counts, strict=True)
            ]
        )

    return DomainRows(*(column(field) for field in _DOMAIN_FIELDS))


def possible(values: ArrayLike) -> Floats:
    """Return numbers as an array, with those that are no reading as unknown, or as zero."""
    array = np.array(values, dtype=float)
    size = np.abs(array)
    return np.where(size < _LEAST, 0.0, np.where(size < _MOST, array, _UNKNOWN))


def _requests(trials: Sequence[TrialRecord]) -> dict[str, Floats]:
    counts = np.array([len(trial.requests) for trial in trials])
    flat: list[RequestRecord] = [request for trial in trials for request in trial.requests]
    table = possible([_read_request(request) for request in flat]).reshape(-1, 7)
    n_prompt, n_generated, latency_s, ttft_s, prefill_s, decode_s, n_first = table.T
    owner = np.repeat(np.arange(len(trials)), counts)

    def summed(values: Floats) -> Floats:
        return np.bincount(owner, weights=values, minlength=len(trials)).astype(np.float64)

    # The first token of a reply comes out of its prompt's pass: n tokens take n - 1 steps. Where
    # several came together with the first, only the time of the others is known.
    longer = n_generated > n_first
    steps = np.where(longer, n_generated - n_first, 0.0)
    after_first_s = np.where(np.isfinite(decode_s), latency_s - ttft_s, _UNKNOWN)
    tpot_s = np.where(longer, after_first_s / np.where(longer, steps, 1.0), 0.0)
    return {
        "n_replies": counts.astype(float),
        "n_prompt": summed(n_prompt),
        "n_generated": summed(n_generated),
        "n_steps": summed(steps),
        "n_longer": summed(longer.astype(float)),
        "latencies_s": summed(latency_s),
        "ttfts_s": summed(ttft_s),
        "tpots_s": summed(tpot_s),
        "prefills_s": summed(prefill_s),
        "decodes_s": summed(np.where(longer, decode_s, 0.0)),
    }


def _domain(trials: Sequence[TrialRecord], name: str, duration_s: Floats) -> DomainRows:
    parts = [trial.energy.get(name) for trial in trials]
    absent = (*[_UNKNOWN] * 5, 0.0)
    table = possible([absent if p is None else _read_energy(p) for p in parts])
    energy_j, uncertainty_j, systematic_j, above_j, above_uncertainty_j, in_total = table.T
    idles = [trial.idle.get("model", {}).get(name) for trial in trials]
    powers = [(_UNKNOWN, _UNKNOWN) if i is None else (i.power_w, i.uncertainty_w) for i in idles]
    idle_w, idle_uncertainty_w = possible(powers).reshape(-1, 2).T
    modelled = np.array([p is not None and p.method is Method.MODEL for p in parts])
    idle_modelled = np.array([i is not None and i.method is Method.MODEL for i in idles])
    # Measured energy less modelled idle, or the reverse, is no quantity.
    idle_w = np.where(modelled == idle_modelled, idle_w, _UNKNOWN)
    known = np.isfinite(idle_w)
    return DomainRows(
        energy_j=energy_j,
        uncertainty_j=uncertainty_j,
        systematic_j=systematic_j,
        above_idle_j=np.where(known, energy_j - idle_w * duration_s, above_j),
        above_idle_uncertainty_j=np.where(
            known, np.hypot(uncertainty_j, idle_uncertainty_w * duration_s), above_uncertainty_j
        ),
        in_total=in_total,
        modelled=modelled.astype(float),
    )


def _energy(
    domains: Mapping[str, DomainRows], boundary: Sequence[str], n: int
) -> dict[str, Floats]:
    summed = {name: d for name, d in domains.items() if not boundary or name in boundary}
    missing = np.zeros(n, dtype=bool)
    for name in boundary:
        missing |= ~np.isfinite(domains[name].energy_j) if name in domains else True
    missing |= np.sum([d.in_total for d in summed.values()] or [np.zeros(n)], axis=0) == 0

    def total(parts: Iterable[tuple[DomainRows, Floats]]) -> Floats:
        """Sum over the domains in the total; unknown where one of them is, never zero for it."""
        values = np.zeros(n)
        for domain, part in parts:
            values = values + np.where(domain.in_total > 0, part, 0.0)
        return np.where(missing, _UNKNOWN, values)

    def quadrature(field: str) -> Floats:
        return np.sqrt(total((d, np.square(getattr(d, field))) for d in summed.values()))

    return {
        "window_j": total((d, d.energy_j) for d in summed.values()),
        "window_uncertainty_j": quadrature("uncertainty_j"),
        "window_systematic_j": total((d, d.systematic_j) for d in summed.values()),
        "window_modelled_j": total((d, d.energy_j * d.modelled) for d in summed.values()),
        "window_above_idle_j": total((d, d.above_idle_j) for d in summed.values()),
        "window_above_idle_uncertainty_j": quadrature("above_idle_uncertainty_j"),
    }
