"""Trials in columns: one cell per arm, suite and purpose, one row per finished trial."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from llamawatt.analysis.estimates.gather import DomainRows, Lot, gather, joined, lots
from llamawatt.analysis.estimates.memory import pooled_lag1
from llamawatt.analysis.estimates.metrics import derive
from llamawatt.analysis.estimates.stats import Estimate, Floats, estimate, widened
from llamawatt.core.flags import Flag
from llamawatt.core.metrics import METRICS, Kind, MetricSpec
from llamawatt.core.readings import Method
from llamawatt.core.trials import Purpose, Status, TrialRecord

CellKey = tuple[str, str, Purpose]
"""Arm, suite, purpose."""


@dataclass(frozen=True, slots=True)
class DomainColumns:
    """Energy of one domain in the windows of one cell; arrays of shape (n,), NaN where unknown.

    Attributes:
        energy_j: Gross joules of the window.
        above_idle_j: The same above model-resident idle.
        above_bare_j: The same above the machine's common bare idle.
        above_idle_uncertainty_j: 95 % half-width of that difference.
        systematic_j: 95 % bound of the gain error.
        mean_power_w: Gross joules over the window's length.
        methods: Every method seen.
        sources: Every interface seen.
        in_total: Whether it is summed.
    """

    energy_j: Floats
    above_idle_j: Floats
    above_bare_j: Floats
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
        columns: By metric and by quantity, shape (n,), NaN where the trial has none. A metric
            that needs what was not given is absent.
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
        return metric in self.columns and bool(np.isfinite(self.columns[metric]).any())

    def uncertainty(self, info: MetricSpec) -> Floats:
        """Return the 95 % half-width of the random sensor error of a figure, per trial.

        A gross energy figure carries the relative error of its joules. The latency in a
        delay product carries none: clocks are exact to microseconds.
        """
        q, value = self.columns, self.columns[info.key]
        with np.errstate(all="ignore"):
            if info.kind is Kind.ABOVE_IDLE:
                return q["window_above_idle_uncertainty_j"] / self._per(info)
            if info.kind is Kind.ABOVE_BARE:
                return q["window_uncertainty_j"] / self._per(info)
            if info.kind is Kind.ENERGY:
                return np.abs(value) * q["window_uncertainty_j"] / q["window_j"]
        return np.zeros(self.n)

    def estimate(self, metric: str) -> Estimate | None:
        """Return a figure with its interval; None when no trial has it."""
        if not self.has(metric):
            return None
        value, info = self.columns[metric], METRICS[metric]
        known = np.isfinite(value)
        made = estimate(
            value[known],
            np.nan_to_num(self.uncertainty(info)[known]),
            signed=info.is_difference,
            lag1=self.memory(metric),
        )
        return widened(made, self.common_j(info)) if info.kind is Kind.ABOVE_BARE else made

    def mean(self, metric: str) -> float:
        """Return the arithmetic mean of the known repeats of a figure."""
        return float(np.nanmean(self.columns[metric]))

    def common_j(self, info: MetricSpec) -> float:
        """Return what the error of the common bare idle makes of a figure above it, 95 %.

        It is the same in every trial: repeats do not shrink it.
        """
        q = self.columns
        with np.errstate(all="ignore"):
            return float(np.nanmean(q["bare_uncertainty_w"] * q["duration_s"] / self._per(info)))

    def _per(self, info: MetricSpec) -> Floats:
        return self.columns["n_generated" if info.per == "token" else "n_replies"]

    def gain(self, info: MetricSpec) -> float:
        """Return the relative 95 % bound of the gain errors of a figure, added linearly."""
        share = self._share("window_systematic_j") if info.is_energy else None
        return share or 0.0

    @property
    def modelled_share(self) -> float | None:
        """Median share of the joules that is modelled; None without joules."""
        return self._share("window_modelled_j")

    def _share(self, quantity: str) -> float | None:
        if not self.has("window_j"):
            return None
        with np.errstate(all="ignore"):
            shares = self.columns[quantity] / self.columns["window_j"]
        known = shares[np.isfinite(shares)]
        return float(np.median(known)) if known.size else None


@dataclass
class _Rows:
    """What was seen of one cell: rows of its trials, and what is not a number."""

    rows: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    seen: defaultdict[str, set[tuple[Method, str]]] = field(
        default_factory=lambda: defaultdict(set)
    )
    flags: Counter[Flag] = field(default_factory=Counter)

    def add(self, row: int, trial: TrialRecord) -> None:
        self.rows.append(row)
        self.ids.append(trial.trial_id)
        doubts = trial.flags
        for name, part in trial.energy.items():
            self.seen[name].add((part.method, part.source))
            doubts += part.flags
        if doubts:
            self.flags.update(set(doubts))


class CellGatherer:
    """Sorts finished trials into cells as they come, lot by lot, and keeps none of them.

    Args:
        boundary: Domains that must all be there for a sum.
    """

    def __init__(self, boundary: Sequence[str] = ()) -> None:
        self._boundary = boundary
        self._found: defaultdict[CellKey, _Rows] = defaultdict(_Rows)
        self._parts: list[Lot] = []
        self._places: list[NDArray[np.int64]] = []
        self._n = 0

    def add(self, lot: Sequence[TrialRecord]) -> None:
        """Take some trials; the failed ones are passed over."""
        finished = [trial for trial in lot if trial.status is Status.OK]
        if not finished:
            return
        for row, trial in enumerate(finished, self._n):
            self._found[trial.arm, trial.suite, trial.purpose].add(row, trial)
        places = [(trial.block, trial.order) for trial in finished]
        self._places.append(np.array(places, dtype=np.int64))
        self._parts.append(gather(finished, self._boundary))
        self._n += len(finished)

    def cells(self, given: Mapping[str, float] | None = None) -> dict[CellKey, Cell]:
        """Return the cells, in the order in which each was first seen.

        Args:
            given: What holds for the whole run and metrics may need.
        """
        if not self._found:
            return {}
        place, whole = np.concatenate(self._places), joined(self._parts)
        run = {name: np.full(self._n, value) for name, value in (given or {}).items()}
        columns = {**whole.quantities, **run, **derive(whole.quantities, given)}
        return _remembering(
            {
                key: _cell(key, rows, place, columns, whole.domains)
                for key, rows in self._found.items()
            }
        )


def cells(
    trials: Iterable[TrialRecord],
    boundary: Sequence[str] = (),
    given: Mapping[str, float] | None = None,
) -> dict[CellKey, Cell]:
    """Sort finished trials into cells, in the order in which each was first seen."""
    gatherer = CellGatherer(boundary)
    for lot in lots(trials):
        gatherer.add(lot)
    return gatherer.cells(given)


def _remembering(found: dict[CellKey, Cell]) -> dict[CellKey, Cell]:
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


def _cell(
    key: CellKey,
    found: _Rows,
    place: NDArray[np.int64],
    columns: Mapping[str, Floats],
    domains: Mapping[str, DomainRows],
) -> Cell:
    rows = np.array(found.rows)
    sorting = np.argsort(place[rows, 1], kind="stable")
    at = rows[sorting]
    duration_s = columns["duration_s"][at]
    return Cell(
        *key,
        block=place[at, 0],
        order=place[at, 1],
        columns={name: values[at] for name, values in columns.items()},
        domains={
            name: _domain(domains[name], at, duration_s, columns.get(f"bare_w/{name}"), seen)
            for name, seen in found.seen.items()
        },
        flags={flag: found.flags[flag] for flag in Flag if flag in found.flags},
        trial_ids=tuple(found.ids[i] for i in sorting),
    )


def _domain(
    rows: DomainRows,
    at: NDArray[np.int64],
    duration_s: Floats,
    bare_w: Floats | None,
    seen: set[tuple[Method, str]],
) -> DomainColumns:
    energy_j = rows.energy_j[at]
    with np.errstate(all="ignore"):
        mean_power_w = energy_j / duration_s
    return DomainColumns(
        energy_j=energy_j,
        above_idle_j=rows.above_idle_j[at],
        above_bare_j=energy_j - (np.nan if bare_w is None else bare_w[at]) * duration_s,
        above_idle_uncertainty_j=rows.above_idle_uncertainty_j[at],
        systematic_j=rows.systematic_j[at],
        mean_power_w=mean_power_w,
        methods=frozenset(method for method, _ in seen),
        sources=frozenset(source for _, source in seen),
        in_total=bool((rows.in_total[at] > 0)[np.isfinite(energy_j)].all()),
    )
