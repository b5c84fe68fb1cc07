"""The whole analysis of a run in one value, from which every report and argument is made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from llamawatt.analysis.compare.family import TOLD, Family, Uncorrected, families, uncorrected
from llamawatt.analysis.estimates.attribution import Attribution, PhaseSplit, attribute, split
from llamawatt.analysis.estimates.cells import Cell, CellGatherer, CellKey
from llamawatt.analysis.estimates.gather import lots
from llamawatt.analysis.estimates.groups import Sweep, arms_of, group_names, sweeps
from llamawatt.analysis.estimates.idle import IdleGatherer, IdleOf
from llamawatt.analysis.estimates.roofline import RooflinePoint, roof_of, roofline
from llamawatt.core.machine import MachineRecord
from llamawatt.core.metrics import METRICS
from llamawatt.core.plan import ArmRecord, StudyRecord
from llamawatt.core.readings import DomainKind
from llamawatt.core.settings import NOTHING_ASSUMED, Assumptions
from llamawatt.core.trials import Purpose, Status, TrialRecord

_COVERS = {DomainKind.CPU_PACKAGE: "cpu", DomainKind.GPU: "gpu"}
_WHOLE = {DomainKind.SOC, DomainKind.PLATFORM, DomainKind.WALL, DomainKind.BATTERY}


@dataclass(frozen=True, slots=True)
class Failure:
    """A trial that failed.

    Attributes:
        arm: Name of its arm.
        suite: Name of its suite.
        purpose: What its window was for.
        error: What went wrong.
    """

    arm: str
    suite: str
    purpose: Purpose
    error: str


@dataclass(frozen=True)
class Assessment:
    """A run, analysed. Everything is worked out once, when first asked for.

    Attributes:
        study: What the run set out to do.
        machine: Where it ran.
        cells: Finished trials in columns.
        idle: Idle power by arm.
        n_trials: Trials, the failed ones included.
        failures: Every trial that failed.
        assumed: What metrics were worked out with besides.
    """

    study: StudyRecord
    machine: MachineRecord
    cells: Mapping[CellKey, Cell]
    idle: Mapping[str, IdleOf]
    n_trials: int
    failures: tuple[Failure, ...]
    assumed: Assumptions = NOTHING_ASSUMED

    @cached_property
    def suites(self) -> tuple[str, ...]:
        """Suites with a finished trial, in the study's order."""
        found = dict.fromkeys(suite for _, suite, purpose in self.cells if purpose is Purpose.SUITE)
        named = [suite.name for suite in self.study.suites if suite.name in found]
        return tuple(dict.fromkeys([*named, *found]))

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """Groups with at least one arm that ran."""
        return tuple(name for name in group_names(self.study) if self.arms(name))

    @cached_property
    def primary_metric(self) -> str:
        """The protocol's metric, or latency where there are no joules."""
        wanted = self.study.protocol.primary_metric
        known = any(cell.has(wanted) for cell in self.suite_cells)
        return wanted if known else "latency_s"

    @cached_property
    def metrics(self) -> frozenset[str]:
        """Metrics that were worked out: those that need what is not there are absent."""
        columns = (cell.columns.keys() for cell in self.cells.values())
        return frozenset(METRICS).intersection(*columns)

    @cached_property
    def suite_cells(self) -> tuple[Cell, ...]:
        """Cells of the suites' windows, by suite and then in the study's order of arms."""
        order = [arm.name for arm in self.study.arms]
        arms = dict.fromkeys([*order, *(arm for arm, _, _ in self.cells)])
        keys = [(arm, suite, Purpose.SUITE) for suite in self.suites for arm in arms]
        return tuple(self.cells[key] for key in keys if key in self.cells)

    @cached_property
    def attributions(self) -> dict[str, Attribution]:
        """Phase costs of every arm that ran."""
        return {
            arm: attribute(arm, self.cells) for arm in dict.fromkeys(a for a, _, _ in self.cells)
        }

    @cached_property
    def splits(self) -> tuple[PhaseSplit, ...]:
        """Where the joules of a reply go, for every cell that allows it."""
        made = (split(cell, self.attributions[cell.arm]) for cell in self.suite_cells)
        return tuple(part for part in made if part is not None)

    @cached_property
    def roofs(self) -> tuple[RooflinePoint, ...]:
        """Every cell under its bandwidth roof, where the model's bytes are known."""
        models = {model.name: model for model in self.study.models}
        made = []
        for cell in self.suite_cells:
            arm = self.arm(cell.arm)
            if arm is not None and arm.model in models:
                roof = roof_of(self.machine, arm.device)
                made.append(roofline(cell, arm, models[arm.model], roof))
        return tuple(point for point in made if point is not None)

    @cached_property
    def sweeps(self) -> tuple[Sweep, ...]:
        """Sweeps of every group."""
        return tuple(made for name in self.groups for made in sweeps(self.study, self.cells, name))

    def arm(self, name: str) -> ArmRecord | None:
        """Return an arm by name."""
        return self._arms_by_name.get(name)

    def arms(self, group: str) -> tuple[ArmRecord, ...]:
        """Return the arms of a group that have finished trials."""
        ran = {arm for arm, _, _ in self.cells}
        return tuple(arm for arm in arms_of(self.study, group) if arm.name in ran)

    def cell(self, arm: str, suite: str) -> Cell | None:
        """Return the cell of a suite's windows."""
        return self.cells.get((arm, suite, Purpose.SUITE))

    def blind_to(self, arm: ArmRecord) -> str:
        """Return the device that an arm works on and no meter covers: `cpu`, `gpu` or nothing.

        Its joules are those of the rest of the machine, so they are compared with nothing.
        """
        if not self.study.boundary:
            return ""
        works_on = {"hybrid": ("gpu", "cpu")}.get(arm.device, (arm.device,))
        return next((place for place in works_on if place not in self._covered), "")

    def family(self, group: str, metric: str) -> Family:
        """Return a group's comparisons in one figure, corrected with those in the other figures.

        Joules are compared only between arms whose working devices are metered.
        """
        if (group, TOLD[0]) not in self._families:
            made = {told: self._uncorrected(group, told) for told in TOLD}
            self._n_told[group] = sum(each.n_hypotheses for each in made.values())
            for told, found in families(made).items():
                self._families[group, told] = found
        if (group, metric) not in self._families:
            alone = {metric: self._uncorrected(group, metric)}
            self._families[group, metric] = families(alone, self._n_told[group])[metric]
        return self._families[group, metric]

    def _uncorrected(self, group: str, metric: str) -> Uncorrected:
        arms = self.arms(group)
        if METRICS[metric].is_energy:
            arms = tuple(arm for arm in arms if not self.blind_to(arm))
        if not any(cell.has(metric) for cell in self.suite_cells):
            return Uncorrected((), 0)
        return uncorrected(self.cells, [arm.name for arm in arms], self.suites, metric)

    @cached_property
    def _covered(self) -> set[str]:
        """Devices that a domain in the boundary covers; an unknown device is not doubted."""
        kinds = {d.kind for d in self.machine.domains if d.name in self.study.boundary}
        covered = {"", *(_COVERS[kind] for kind in kinds if kind in _COVERS)}
        return covered | ({"cpu", "gpu"} if kinds & _WHOLE else set())

    @cached_property
    def _arms_by_name(self) -> dict[str, ArmRecord]:
        return {arm.name: arm for arm in self.study.arms}

    @cached_property
    def _families(self) -> dict[tuple[str, str], Family]:
        return {}

    @cached_property
    def _n_told(self) -> dict[str, int]:
        return {}


def assess(
    study: StudyRecord,
    machine: MachineRecord,
    trials: Iterable[TrialRecord],
    assumed: Assumptions = NOTHING_ASSUMED,
) -> Assessment:
    """Analyse a run.

    Args:
        study: What it set out to do.
        machine: Where it ran.
        trials: Its trials, in any number: none of them is kept.
        assumed: What metrics are worked out with besides.
    """
    gatherer, idle = CellGatherer(study.boundary), IdleGatherer()
    failures: list[Failure] = []
    n_trials = 0
    for lot in lots(trials):
        n_trials += len(lot)
        failures += [
            Failure(trial.arm, trial.suite, trial.purpose, trial.error)
            for trial in lot
            if trial.status is Status.FAILED
        ]
        gatherer.add(lot)
        idle.add(lot)
    return Assessment(
        study=study,
        machine=machine,
        cells=gatherer.cells({**idle.common_bare(), **assumed.numbers}),
        idle=idle.by_arm(),
        n_trials=n_trials,
        failures=tuple(failures),
        assumed=assumed,
    )
