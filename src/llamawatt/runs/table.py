"""A run as one table: a row per trial, a column per figure."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from llamawatt.core.metrics import METRICS
from llamawatt.core.trials import FactorValue, TrialRecord

if TYPE_CHECKING:
    from llamawatt.runs.store import Run

_TEXT, _COUNT, _FIGURE = pa.string(), pa.int64(), pa.float64()


def trials_table(run: "Run") -> pa.Table:
    """Return the trials of a run as a table; what was not measured is null.

    Columns: what the trial is (`trial_id`, `arm`, `suite`, `purpose`, `repetition`, `block`,
    `order`, `status`, `error`, `started_at`, `duration_s`, `flags`), every metric by its name, for
    each factor `factor.NAME`, and for each domain `energy_j.DOMAIN`, `uncertainty_j.DOMAIN`,
    `above_idle_j.DOMAIN` (joules of the whole window) and `method.DOMAIN`.
    """
    trials = run.trials
    columns: dict[str, pa.Array] = {
        **_identity(trials),
        **_metrics(trials),
        **_factors(trials),
        **_energy(trials),
    }
    return pa.table(columns)


def _identity(trials: Iterable[TrialRecord]) -> dict[str, pa.Array]:
    found = tuple(trials)
    texts = ("trial_id", "arm", "suite", "purpose", "status", "error", "started_at")
    counts = ("repetition", "block", "order")
    columns = {name: pa.array([str(getattr(t, name)) for t in found], _TEXT) for name in texts}
    columns |= {name: pa.array([getattr(t, name) for t in found], _COUNT) for name in counts}
    columns["duration_s"] = pa.array([trial.window.duration_s for trial in found], _FIGURE)
    flags = [[flag.value for flag in trial.flags] for trial in found]
    columns["flags"] = pa.array(flags, pa.list_(_TEXT))
    return columns


def _metrics(trials: Iterable[TrialRecord]) -> dict[str, pa.Array]:
    """Return a column per metric, the registered ones first, then what trials have besides."""
    found = [trial.metrics or {} for trial in trials]
    names = dict.fromkeys((*METRICS, *(name for metrics in found for name in metrics)))
    return {name: pa.array([each.get(name) for each in found], _FIGURE) for name in names}


def _factors(trials: Iterable[TrialRecord]) -> dict[str, pa.Array]:
    found = [trial.factors for trial in trials]
    names = dict.fromkeys(name for factors in found for name in factors)
    return {f"factor.{name}": _factor([each.get(name) for each in found]) for name in names}


def _factor(values: list[FactorValue]) -> pa.Array:
    """Return a column of its values' own type, of text where they are of several."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values], _TEXT)


def _energy(trials: Iterable[TrialRecord]) -> dict[str, pa.Array]:
    found = [trial.energy for trial in trials]
    columns: dict[str, pa.Array] = {}
    for domain in dict.fromkeys(name for energy in found for name in energy):
        parts = [energy.get(domain) for energy in found]
        for name in ("energy_j", "uncertainty_j", "above_idle_j"):
            values: list[Any] = [None if part is None else getattr(part, name) for part in parts]
            columns[f"{name}.{domain}"] = pa.array(values, _FIGURE)
        methods = [None if part is None else part.method.value for part in parts]
        columns[f"method.{domain}"] = pa.array(methods, _TEXT)
    return columns
