"""Trials in columns: one cell per arm, suite and purpose, one row per finished trial."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache, cached_property
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from llamawatt.analysis.estimates.memory import pooled_lag1
from llamawatt.analysis.estimates.stats import Estimate, Floats, estimate
from llamawatt.core.flags import Flag
from llamawatt.core.metrics import METRICS, Kind, MetricSpec
from llamawatt.core.readings import Method
from llamawatt.core.trials import DomainEnergy, Metrics, Purpose, Status, TrialRecord

_FIELDS = tuple(field.name for field in fields(Metrics))
_read_metrics = attrgetter(*_FIELDS)
_read_domain = attrgetter(
    "energy_j", "above_idle_j", "above_idle_uncertainty_j", "systematic_j", "mean_power_w"
)

CellKey = tuple[str, str, Purpose]
"""Arm, suite, purpose."""


@dataclass(frozen=True, slots=True)
class DomainColumns:
    """Energy of one domain in the windows of one cell; arrays of shape (n,), NaN where unknown.

    Attributes:
        energy_j: Gross joules of the window.
        above_idle_j: The same above model-resident idle.
        above_idle_uncertainty_j: 95 % half-width of that difference.
        systematic_j: 95 % bound of the gain error.
        mean_power_w: Gross joules over the window's length.
        methods: Every method seen.
        sources: Every interface seen.
        in_total: Whether it is summed.
    """

    energy_j: Floats
    above_idle_j: Floats
    above_idle_uncertainty_j: Floats
    systematic_j: Floats
    mean_power_w: Floats
    methods: frozenset[Method]
    sources: frozenset[str]
    in_total: bool


def forgetful(_metric: str) -> float:
    """Say of any metric that its repeats do not lean on each other."""
    return 0.0


@dataclass(frozen=True)
class Cell:
    """Finished trials of one arm on one suite, as columns in the order of execution.

    Attributes:
        arm: Name of the arm.
        suite: Name of the suite.
        purpose: What the windows were for.
        block: Randomised block of each, shape (n,).
        order: Place in the order of execution, shape (n,).
        duration_s: Length of each window, shape (n,).
        columns: By field of `Metrics`, and `power_w`, shape (n,), NaN where the trial has none.
        domains: By domain name.
        flags: How many trials carry each doubt, their domains' doubts included.
        trial_ids: Of each trial.
        memory: Correlation of neighbouring repeats of a metric, as the whole run shows it.
    """

    arm: str
    suite: str
    purpose: Purpose
    block: NDArray[np.int64]
    order: NDArray[np.int64]
    duration_s: Floats
    columns: Mapping[str, Floats]
    domains: Mapping[str, DomainColumns]
    flags: Mapping[Flag, int]
    trial_ids: tuple[str, ...]
    memory: Callable[[str], float] = forgetful

    @property
    def n(self) -> int:
        """Finished trials."""
        return len(self.trial_ids)

    @cached_property
    def methods(self) -> frozenset[Method]:
        """Methods of the domains in the total."""
        parts = (d.methods for d in self.domains.values() if d.in_total)
        return frozenset[Method]().union(*parts)

    def has(self, metric: str) -> bool:
        """Whether any trial has this figure."""
        return bool(np.isfinite(self.columns[metric]).any())

    def uncertainty(self, info: MetricSpec) -> Floats:
        """Return the 95 % half-width of the random sensor error of a figure, per trial.

        A gross energy figure carries the relative error of its joules. The latency in a
        delay product carries none: clocks are exact to microseconds.
        """
        value = self.columns[info.key]
        if info.kind is Kind.ABOVE_IDLE:
            squares = [np.square(d.above_idle_uncertainty_j) for d in self._total()]
            per = self.columns["n_generated" if info.per == "token" else "n_replies"]
            return np.sqrt(np.sum(squares, axis=0)) / per if squares else np.full(self.n, np.nan)
        if info.kind is Kind.ENERGY:
            return np.abs(value) * self.columns["uncertainty_j"] / self.columns["energy_j"]
        return np.zeros(self.n)

    def estimate(self, metric: str) -> Estimate | None:
        """Return a figure with its interval; None when no trial has it."""
        value, info = self.columns[metric], METRICS[metric]
        known = np.isfinite(value)
        if not known.any():
            return None
        return estimate(
            value[known],
            np.nan_to_num(self.uncertainty(info)[known]),
            signed=info.kind is Kind.ABOVE_IDLE,
            lag1=self.memory(metric),
        )

    def gain(self, info: MetricSpec) -> float:
        """Return the relative 95 % bound of the gain errors of a figure, added linearly."""
        if not info.is_energy or not self.has("energy_j"):
            return 0.0
        return float(np.nanmedian(self.columns["systematic_j"] / self.columns["energy_j"]))

    def _total(self) -> list[DomainColumns]:
        return [d for d in self.domains.values() if d.in_total]


def cells(trials: Iterable[TrialRecord]) -> dict[CellKey, Cell]:
    """Sort finished trials into cells, in the order in which each was first seen."""
    sorted_trials: dict[CellKey, list[TrialRecord]] = {}
    for trial in trials:
        if trial.status is Status.OK and trial.metrics is not None:
            key = (trial.arm, trial.suite, trial.purpose)
            sorted_trials.setdefault(key, []).append(trial)
    return remembering({key: _cell(key, rows) for key, rows in sorted_trials.items()})


def remembering(found: dict[CellKey, Cell]) -> dict[CellKey, Cell]:
    """Let every cell know how much neighbouring repeats resemble each other in the whole run."""
    suites = [cell for cell in found.values() if cell.purpose is Purpose.SUITE]

    @cache
    def memory(metric: str) -> float:
        return pooled_lag1(_relative(cell.columns[metric]) for cell in suites)

    return {key: replace(cell, memory=memory) for key, cell in found.items()}


def _relative(values: Floats) -> Floats:
    """Known repeats over their mean, so that cells of any size weigh alike."""
    known = values[np.isfinite(values)]
    mean = float(known.mean()) if known.size else 0.0
    return known / mean if mean else known[:0]


def _cell(key: CellKey, rows: list[TrialRecord]) -> Cell:
    rows.sort(key=attrgetter("order"))
    table = np.array([_read_metrics(row.metrics) for row in rows], dtype=float)
    duration_s = np.fromiter((row.window.duration_s for row in rows), float, len(rows))
    columns = {name: table[:, i] for i, name in enumerate(_FIELDS)}
    columns["power_w"] = columns["energy_j"] * columns["n_replies"] / duration_s
    return Cell(
        *key,
        block=np.fromiter((row.block for row in rows), np.int64, len(rows)),
        order=np.fromiter((row.order for row in rows), np.int64, len(rows)),
        duration_s=duration_s,
        columns=columns,
        domains=_domains(rows),
        flags=_flags(rows),
        trial_ids=tuple(row.trial_id for row in rows),
    )


def _domains(rows: Sequence[TrialRecord]) -> dict[str, DomainColumns]:
    names = dict.fromkeys(name for row in rows for name in row.energy)
    return {name: _domain([row.energy.get(name) for row in rows]) for name in names}


def _domain(parts: Sequence[DomainEnergy | None]) -> DomainColumns:
    known = [part for part in parts if part is not None]
    absent = (np.nan,) * 5
    table = np.array([absent if p is None else _read_domain(p) for p in parts], dtype=float)
    energy_j, above_idle_j, above_idle_uncertainty_j, systematic_j, mean_power_w = table.T
    return DomainColumns(
        energy_j=energy_j,
        above_idle_j=above_idle_j,
        above_idle_uncertainty_j=above_idle_uncertainty_j,
        systematic_j=systematic_j,
        mean_power_w=mean_power_w,
        methods=frozenset(part.method for part in known),
        sources=frozenset(part.source for part in known),
        in_total=all(part.in_total for part in known),
    )


def _flags(rows: Sequence[TrialRecord]) -> dict[Flag, int]:
    counted: Counter[Flag] = Counter()
    for row in rows:
        doubts = set(row.flags)
        for part in row.energy.values():
            doubts.update(part.flags)
        if doubts:
            counted.update(doubts)
    return {flag: counted[flag] for flag in Flag if flag in counted}
