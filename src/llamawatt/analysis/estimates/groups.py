"""Which arms belong together: the groups of a study, what varies in each, and its reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llamawatt.analysis.estimates.cells import Cell, CellKey
from llamawatt.core.plan import ArmRecord, StudyRecord
from llamawatt.core.trials import FactorValue, Purpose

SWEEPS = {
    "threads": "n_threads",
    "layers": "n_gpu_layers",
    "batch": "n_batch",
    "concurrency": "n_parallel",
}
"""The factor that each of the well-known groups varies."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a sweep: the factor's value and the arm that has it."""

    value: float
    arm: ArmRecord


@dataclass(frozen=True, slots=True)
class Sweep:
    """Arms of one group and device that differ in one numeric factor.

    Attributes:
        group: Name of the group.
        factor: The factor, named as llama.cpp names it.
        device: `cpu`, `gpu`, or the study's word for where it runs.
        suite: The suite on which all levels were run.
        levels: In ascending order of the factor; at least two.
    """

    group: str
    factor: str
    device: str
    suite: str
    levels: tuple[Level, ...]


def arms_of(study: StudyRecord, group: str) -> tuple[ArmRecord, ...]:
    """Return the arms of a group that could run, in the study's order."""
    return tuple(
        arm for arm in study.arms if not arm.skipped and group in {arm.group, *arm.also_in}
    )


def group_names(study: StudyRecord) -> tuple[str, ...]:
    """Return the groups of a study, in the order in which they first appear."""
    return tuple(dict.fromkeys(name for arm in study.arms for name in (arm.group, *arm.also_in)))


def reference(arms: Sequence[ArmRecord]) -> ArmRecord:
    """Return the arm that the others are compared with: the first CPU arm, or the first one."""
    return next((arm for arm in arms if arm.device == "cpu"), arms[0])


def sweeps(study: StudyRecord, cells: Mapping[CellKey, Cell], group: str) -> tuple[Sweep, ...]:
    """Return the sweeps of a group, one per device and suite with at least two levels."""
    arms = arms_of(study, group)
    factor = SWEEPS.get(group) or varied_factor(arms)
    if factor is None:
        return ()
    suites = dict.fromkeys(suite for _, suite, purpose in cells if purpose is Purpose.SUITE)
    made = []
    for place in dict.fromkeys(_place(arm) for arm in arms):
        for suite in suites:
            levels = tuple(
                Level(value, arm)
                for arm in arms
                if _place(arm) == place and (arm.name, suite, Purpose.SUITE) in cells
                if (value := _number(factor_value(arm, factor))) is not None
            )
            if len({level.value for level in levels}) > 1:
                ordered = tuple(sorted(levels, key=lambda level: level.value))
                made.append(Sweep(group, factor, place, suite, ordered))
    return tuple(made)


def varied_factor(arms: Sequence[ArmRecord]) -> str | None:
    """Return the first numeric factor in which the arms differ; None when there is none."""
    for key in dict.fromkeys(key for arm in arms for key in arm.factors):
        values = {_number(factor_value(arm, key)) for arm in arms}
        if len(values - {None}) > 1:
            return key
    return None


def factor_value(arm: ArmRecord, factor: str) -> FactorValue:
    """Return an arm's value of a factor, from what varies or from its whole settings."""
    return arm.factors.get(factor, arm.spec.get(factor))


def _place(arm: ArmRecord) -> str:
    """The device that was asked for: a partly offloaded arm belongs to the GPU's sweep."""
    asked = arm.factors.get("device")
    if isinstance(asked, str):
        return asked
    return "gpu" if arm.device == "hybrid" else arm.device


def _number(value: FactorValue) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
