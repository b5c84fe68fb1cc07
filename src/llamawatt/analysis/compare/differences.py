"""In what two runs differ, and which differences make a comparison meaningless."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from llamawatt.analysis.compare.identity import distinctions, doubts
from llamawatt.analysis.estimates.cells import Cell, CellKey
from llamawatt.core.machine import MachineRecord
from llamawatt.core.plan import ArmRecord, ModelRecord, StudyRecord


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two runs.

    Attributes:
        name: What the reader calls it, as its directory.
        study: What it set out to do.
        machine: Where it ran.
        cells: Its trials, in cells.
    """

    name: str
    study: StudyRecord
    machine: MachineRecord
    cells: Mapping[CellKey, Cell]


@dataclass(frozen=True, slots=True)
class Difference:
    """Something in which the runs differ.

    Attributes:
        what: `model`, `suite`, `boundary`, `method`, `length`, `prompts`,
            `machine`, `identity` (it cannot be told), `version` or `setting`.
        text: One sentence with both values.
        forbids: Whether it makes the comparison meaningless unless the user insists.
    """

    what: str
    text: str
    forbids: bool


def differences(before: Side, after: Side) -> Iterable[Difference]:
    """Find everything in which two runs differ and that could explain a change."""
    yield from _models(before.study.models, after.study.models)
    suites = {suite.name: suite for suite in after.study.suites}
    for suite in before.study.suites:
        other = suites.get(suite.name, suite)
        if (suite.sha256, suite.n_predict) != (other.sha256, other.n_predict):
            yield Difference("suite", f"Suite {suite.name} has other prompts or lengths.", True)
    yield from _changed("boundary", _listed(before.study.boundary), _listed(after.study.boundary))
    yield from _changed("method", _methods(before), _methods(after))
    lengths = (_length(before.study), _length(after.study))
    yield from _changed("length", *lengths)
    passes = (_a_pass(before.study), _a_pass(after.study))
    yield from _changed("prompts of a pass", *passes, forbids=False)
    for text in distinctions(before.machine, after.machine):
        yield Difference("machine", f"Machine: {text}.", False)
    for text in doubts(before.machine, after.machine):
        yield Difference("identity", f"Perhaps not the same machine: {text}.", False)
    for name in before.machine.versions.keys() | after.machine.versions.keys():
        old, new = (side.machine.versions.get(name, "none") for side in (before, after))
        yield from _changed(f"version of {name}", old, new, forbids=False)
    for arm in before.study.arms:
        other_arm = arm_named(after, arm.name)
        if other_arm is not None and other_arm.spec != arm.spec:
            yield _settings(arm, other_arm)


def _models(before: Sequence[ModelRecord], after: Sequence[ModelRecord]) -> Iterable[Difference]:
    others = {model.name: model for model in after}
    for model in before:
        other = others.get(model.name)
        if other is not None and other.sha256 != model.sha256:
            text = f"Model {model.name} is {model.sha256[:12]} and {other.sha256[:12]}."
            yield Difference("model", text, True)
    if (before or after) and {_content(model) for model in before}.isdisjoint(
        _content(model) for model in after
    ):
        names = f"{_listed(m.name for m in before)} and {_listed(m.name for m in after)}"
        yield Difference("model", f"They ran different models: {names}.", True)


def _content(model: ModelRecord) -> str:
    """Name what a model is: its hash, or its name behind a server that shows no file."""
    return model.sha256 or model.name


def _changed(what: str, old: str, new: str, *, forbids: bool = True) -> Iterable[Difference]:
    if old != new:
        text = f"{what[0].upper()}{what[1:]}: {old} before, {new} after."
        yield Difference(what.split(maxsplit=1)[0], text, forbids)


def _methods(side: Side) -> str:
    """Name the method of every domain in the total: another method is another figure."""
    parts = {
        f"{name} by {'/'.join(sorted(domain.methods))}"
        for cell in side.cells.values()
        for name, domain in cell.domains.items()
        if domain.in_total
    }
    return _listed(sorted(parts))


def _length(study: StudyRecord) -> str:
    return "fixed reply length" if study.protocol.fixed_length else "natural stop"


def _a_pass(study: StudyRecord) -> str:
    protocol = study.protocol
    if protocol.n_warm_up is None:
        return "not noted"
    return "all" if protocol.n_prompts is None else str(protocol.n_prompts)


def _settings(old: ArmRecord, new: ArmRecord) -> Difference:
    keys = sorted(
        key for key in old.spec.keys() | new.spec.keys() if old.spec.get(key) != new.spec.get(key)
    )
    changed = _listed(f"{key} {old.spec.get(key)} -> {new.spec.get(key)}" for key in keys)
    return Difference("setting", f"Arm {old.name} has other settings: {changed}.", False)


def _listed(words: Iterable[object]) -> str:
    return ", ".join(str(word) for word in words) or "nothing"


def arm_named(side: Side, name: str) -> ArmRecord | None:
    """Return the arm of that name; None when the run has none."""
    return next((arm for arm in side.study.arms if arm.name == name), None)
