"""A study made ready for this machine: every arm, suite and request, before anything runs."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from llamawatt.core.errors import SpecError
from llamawatt.core.plan import BASELINE, ModelRecord, ProtocolRecord, StudyRecord, SuiteRecord
from llamawatt.core.trials import SCHEMA, Purpose
from llamawatt.study.arms import Abilities, Arm, expand
from llamawatt.study.order import Cell, trial_id
from llamawatt.study.recorded import RecordedArms, RecordedStudy
from llamawatt.study.spec import ProtocolSpec, StudySpec
from llamawatt.targets.dialects import Ask

ASK_ABOVE_ARMS = 200
"""Arms beyond which a study must be confirmed: about a day at half a minute a trial."""


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model that is there: its file and what is known of it.

    Attributes:
        record: What is written of it.
        path: Its file.
        n_ctx_train: Context it was trained for, tokens; None when it does not say.
    """

    record: ModelRecord
    path: Path
    n_ctx_train: int | None = None


@dataclass(frozen=True, slots=True)
class SuiteSource:
    """A suite that is there: its record and its requests, in order."""

    record: SuiteRecord
    works: tuple[Ask, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A study as it will run here.

    Attributes:
        study: Its record, as written to the run directory.
        spec: The protocol as specified, with what the record does not need.
        arms: The arms that can run.
        models: By name.
        suites: By name, phase shapes included.
        notes: What was clipped, or differs from the run that is repeated, in words.
    """

    study: StudyRecord
    spec: ProtocolSpec
    arms: tuple[Arm, ...]
    models: Mapping[str, ModelSource]
    suites: Mapping[str, SuiteSource]
    notes: tuple[str, ...] = ()

    def arm(self, name: str) -> Arm:
        """Return an arm by name."""
        return next(arm for arm in self.arms if arm.name == name)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Return every cell of the arms that can run."""
        names = tuple(suite.name for suite in self.study.suites)
        phases = phase_suites(self.spec)
        cells = []
        for arm in self.arms:
            cells += [Cell(arm.name, suite) for suite in arm.suites or names]
            if self.spec.phases and BASELINE in {arm.record.group, *arm.record.also_in}:
                cells += [Cell(arm.name, suite, purpose) for purpose, suite in phases.items()]
        return tuple(cells)

    def works(self, suite: str, block: int) -> tuple[Ask, ...]:
        """Return one pass of requests: the same for every arm of a block, others in the next."""
        works = self.suites[suite].works
        count = min(self.spec.n_prompts or len(works), len(works))
        first = block * count
        return tuple(works[(first + index) % len(works)] for index in range(count))


def phase_suites(spec: ProtocolSpec) -> dict[Purpose, str]:
    """Return the shapes of the dedicated phase windows."""
    return {
        Purpose.PREFILL: f"pp{spec.n_phase_prompt}",
        Purpose.DECODE: f"tg{spec.n_phase_generate}",
    }


def needed_suites(spec: StudySpec) -> tuple[str, ...]:
    """Return every suite and shape that a study needs, in order."""
    names = dict.fromkeys(spec.used_suites)
    if spec.protocol.phases:
        names.update(dict.fromkeys(phase_suites(spec.protocol).values()))
    return tuple(names)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the plan takes from the machine and the command line.

    Attributes:
        abilities: What this machine and its llama.cpp can run.
        boundary: Names of the domains that are summed for every arm.
        target: `embedded`, `binary` or `attach`.
        command: The command line, for the record.
        created_at: UTC, ISO 8601.
        only_look: Whether nothing shall run.
    """

    abilities: Abilities
    boundary: tuple[str, ...]
    target: str
    command: str
    created_at: str
    only_look: bool = False


def make_plan(
    spec: StudySpec,
    models: Mapping[str, ModelSource],
    suites: Mapping[str, SuiteSource],
    here: Circumstances,
) -> Plan:
    """Resolve a study on this machine.

    Args:
        spec: The study.
        models: By name; for the study of a run, by the name that the run had for it.
        suites: By name.
        here: The circumstances.

    Raises:
        SpecError: a setting does not hold, no arm can run here, or two have the same name.
    """
    everything, notes = _arms(spec, models, here)
    listed = _listed(spec, suites)
    everything = [_with_suites(arm, listed) for arm in everything]
    runnable = tuple(arm for arm in everything if not arm.record.skipped)
    if not runnable:
        reason = everything[0].record.skipped
        raise SpecError(f"No arm of {spec.name!r} can run here: {reason}.")
    by_name = {source.record.name: source for source in models.values()}
    study = _record(spec, everything, listed, by_name, here)
    plan = Plan(study, spec.protocol, runnable, by_name, suites, tuple(dict.fromkeys(notes)))
    _require_told_apart(plan.cells)
    return plan


def _arms(
    spec: StudySpec, models: Mapping[str, ModelSource], here: Circumstances
) -> tuple[list[Arm], list[str]]:
    """Return every arm, skipped ones included, and what was clipped or differs."""
    if isinstance(spec, RecordedStudy):
        records = {name: source.record for name, source in models.items()}
        found, notes = RecordedArms(spec, records, here.abilities, here.only_look).arms()
        return list(found), list(notes)
    # A group without suites of its own runs the study's, not those of its neighbours.
    groups = tuple(
        group if group.suites else group.model_copy(update={"suites": spec.suites})
        for group in spec.groups
    )
    everything: list[Arm] = []
    clipped: list[str] = []
    for source in models.values():
        arms, noted = expand(groups, source.record.name, source.record.n_layers, here.abilities)
        everything += [_named(arm, len(models) > 1) for arm in arms]
        clipped += noted
    return everything, clipped


def _with_suites(arm: Arm, listed: tuple[SuiteRecord, ...]) -> Arm:
    """Write an arm's suites into its record, where they are not simply all of the study's."""
    everything = tuple(suite.name for suite in listed)
    own = () if arm.suites in {(), everything} else arm.suites
    return replace(arm, record=replace(arm.record, suites=own))


def _require_told_apart(cells: tuple[Cell, ...]) -> None:
    """Refuse cells whose trials would have the same id: one would stand for the other.

    Raises:
        SpecError: naming two of them.
    """
    seen: dict[str, Cell] = {}
    for cell in cells:
        other = seen.setdefault(trial_id(0, cell), cell)
        if other is not cell:
            raise SpecError(
                f"{cell.arm} on {cell.suite} and {other.arm} on {other.suite} cannot be told "
                "apart by name.",
                "Rename the suite's file or the model's.",
            )


def _listed(spec: StudySpec, suites: Mapping[str, SuiteSource]) -> tuple[SuiteRecord, ...]:
    """Return the suites of the study, without those of phase windows alone."""
    used, phases = set(spec.used_suites), set(phase_suites(spec.protocol).values())
    kept = (source for name, source in suites.items() if name in used or name not in phases)
    return tuple(source.record for source in kept)


def _record(
    spec: StudySpec,
    arms: list[Arm],
    suites: tuple[SuiteRecord, ...],
    models: Mapping[str, ModelSource],
    here: Circumstances,
) -> StudyRecord:
    return StudyRecord(
        schema=SCHEMA,
        name=spec.name,
        seed=random.SystemRandom().randrange(2**31) if spec.seed is None else spec.seed,
        models=tuple(source.record for source in models.values()),
        arms=tuple(arm.record for arm in arms),
        suites=suites,
        protocol=protocol_record(spec.protocol),
        boundary=here.boundary,
        target=here.target,
        command=here.command,
        created_at=here.created_at,
    )


def protocol_record(spec: ProtocolSpec) -> ProtocolRecord:
    """Return a protocol as it is written: every field, since a run's record is run again."""
    repeats_max = max(spec.repeats_min, spec.repeats_max)
    return ProtocolRecord(**{**spec.model_dump(), "repeats_max": repeats_max})


def _named(arm: Arm, several_models: bool) -> Arm:
    """Put the model's name into the arm's, where there is more than one."""
    if not several_models:
        return arm
    record = replace(
        arm.record,
        name=f"{arm.record.model} {arm.record.name}",
        factors={"model": arm.record.model, **arm.record.factors},
    )
    return replace(arm, record=record)
