"""Which arms belong together: the groups of a study, what varies in each, and its reference."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from llamawatt.analysis.estimates.cells import Cell, CellKey
from llamawatt.core.plan import ArmRecord, StudyRecord
from llamawatt.core.sweeps import Scale, SweepSpec, sweep_spec
from llamawatt.core.trials import FactorValue, Purpose

_OWN_FIELDS = {"device", "model"}
"""Factors that an arm holds in fields of its own."""


@dataclass(frozen=True, slots=True)
class Line:
    """Arms of one group that differ in one factor and nothing else that the study varies.

    Attributes:
        group: Name of the group.
        spec: The factor.
        device: `cpu`, `gpu`, or the study's word for where it runs.
        held: The other factors of the group and the model, where they tell lines apart.
        levels: Values of the factor, ascending where they are numbers; at least two.
        arms: The arm of each level.
    """

    group: str
    spec: SweepSpec
    device: str
    held: str
    levels: tuple[FactorValue, ...]
    arms: tuple[ArmRecord, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a sweep: the factor's value and the arm that has it."""

    value: float
    arm: ArmRecord


@dataclass(frozen=True, slots=True)
class Sweep:
    """A line of numbers, on one suite.

    Attributes:
        group: Name of the group.
        factor: The factor, named as llama.cpp names it.
        device: `cpu`, `gpu`, or the study's word for where it runs.
        suite: The suite on which all levels were run.
        levels: In ascending order of the factor; at least two.
        held: The other factors of the group and the model, where they tell lines apart.
    """

    group: str
    factor: str
    device: str
    suite: str
    levels: tuple[Level, ...]
    held: str = ""


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


def lines(group: str, arms: Sequence[ArmRecord]) -> tuple[Line, ...]:
    """Return every line through the arms of a group: one per factor that varies and rest held."""
    keys = [
        k for k in dict.fromkeys(k for arm in arms for k in arm.factors) if k not in _OWN_FIELDS
    ]
    return tuple(line for axis in keys for line in _lines(group, arms, axis, keys))


def is_swept(group: str, arms: Sequence[ArmRecord]) -> bool:
    """Whether a number varies in a group: then it is followed level by level, and not ranked."""
    return any(line.spec.scale is Scale.NUMBERS for line in lines(group, arms))


def sweeps(study: StudyRecord, cells: Mapping[CellKey, Cell], group: str) -> tuple[Sweep, ...]:
    """Return the sweeps of a group, one per line of numbers and suite with two levels or more."""
    suites = dict.fromkeys(suite for _, suite, purpose in cells if purpose is Purpose.SUITE)
    made = []
    for line in lines(group, arms_of(study, group)):
        if line.spec.scale is not Scale.NUMBERS:
            continue
        for suite in suites:
            levels = tuple(
                Level(value, arm)
                for level, arm in zip(line.levels, line.arms, strict=True)
                if (arm.name, suite, Purpose.SUITE) in cells
                if (value := number(level)) is not None
            )
            if len(levels) > 1:
                made.append(Sweep(group, line.spec.axis, line.device, suite, levels, line.held))
    return tuple(made)


def factor_value(arm: ArmRecord, factor: str) -> FactorValue:
    """Return an arm's value of a factor, from what varies or from its whole settings."""
    return arm.factors.get(factor, arm.spec.get(factor))


def number(value: FactorValue) -> float | None:
    """Return a level as a number; None when it is a word or a switch."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _lines(group: str, arms: Sequence[ArmRecord], axis: str, keys: Sequence[str]) -> Iterable[Line]:
    found: dict[tuple[FactorValue, ...], dict[FactorValue, ArmRecord]] = {}
    others = [key for key in keys if key != axis]
    for arm in arms:
        level = factor_value(arm, axis)
        if level is not None:
            place = (_place(arm), arm.model, *(factor_value(arm, key) for key in others))
            found.setdefault(place, {}).setdefault(level, arm)
    found = {place: levels for place, levels in found.items() if len(levels) > 1}
    spec = sweep_spec(axis, [level for levels in found.values() for level in levels])
    for place, levels in found.items():
        ordered = list(levels.items())
        if spec.scale is Scale.NUMBERS:
            ordered = sorted(
                (pair for pair in ordered if number(pair[0]) is not None),
                key=lambda pair: number(pair[0]) or 0.0,
            )
        if len(ordered) > 1:
            values, line_arms = zip(*ordered, strict=True)
            yield Line(group, spec, str(place[0]), _held(place, found, others), values, line_arms)


def _held(
    place: tuple[FactorValue, ...],
    places: Iterable[tuple[FactorValue, ...]],
    others: Sequence[str],
) -> str:
    """Name what tells this line from the others of its device."""
    rivals = [other for other in places if other[0] == place[0]]
    names = ["", *(f"{key}=" for key in others)]
    columns = list(zip(*rivals, strict=True))[1:]
    return ", ".join(
        f"{name}{value}"
        for name, value, column in zip(names, place[1:], columns, strict=True)
        if len(set(column)) > 1 and value is not None
    )


def _place(arm: ArmRecord) -> str:
    """The device that was asked for: a partly offloaded arm belongs to the GPU's sweep."""
    asked = arm.factors.get("device")
    if isinstance(asked, str):
        return asked
    return "gpu" if arm.device == "hybrid" else arm.device
