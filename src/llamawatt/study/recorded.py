"""A study taken from a run: what a run wrote as `study.yaml`, runs again, arm by arm."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pydantic import Field

from llamawatt.core.errors import SpecError
from llamawatt.core.plan import ArmRecord, ModelRecord, StudyRecord
from llamawatt.study.arms import Abilities, Arm
from llamawatt.study.spec import GroupSpec, ProtocolSpec, StudySpec
from llamawatt.targets.spec import make_spec

ON_GPU = {"gpu", "hybrid"}
"""Devices of arms that need a GPU."""
MAY_BE_NONE = {"budget_s", "n_prompts", "cool_below_c"}
"""Parts of a protocol for which none is a value; elsewhere it stands for what was not noted."""


class RecordedStudy(StudySpec):
    """A study whose arms, suites and seed are those of a run, not made anew from groups.

    Attributes:
        record: What the run wrote.
        not_noted: Parts of the protocol that an older run did not write down; ours apply.
    """

    record: StudyRecord
    not_noted: tuple[str, ...] = ()
    groups: tuple[GroupSpec, ...] = Field(default=(), exclude=True)

    def n_arms(self, n_models: int = 1) -> int:
        """Return the arms of the run, whatever models take the place of its own."""
        del n_models
        return len(self.record.arms)

    def n_cells(self, n_models: int = 1) -> int:
        """Return the pairs of arm and suite of the run."""
        del n_models
        return sum(len(arm.suites or self.suites) for arm in self.record.arms)

    @property
    def group_names(self) -> frozenset[str]:
        """Names of the comparisons."""
        arms = self.record.arms
        return frozenset(name for arm in arms for name in (arm.group, *arm.also_in))

    @property
    def used_suites(self) -> tuple[str, ...]:
        """Every suite and shape of the run."""
        return self.suites

    @property
    def wants_gpu(self) -> bool:
        """Whether any arm that ran used a GPU."""
        return any(arm.device in ON_GPU and not arm.skipped for arm in self.record.arms)

    @property
    def is_attached(self) -> bool:
        """Whether the run asked a server that somebody else had started."""
        return self.record.target == "attach"


def study_of(record: StudyRecord, protocol: Mapping[str, object]) -> RecordedStudy:
    """Return the study that a run was.

    Args:
        record: What the run wrote.
        protocol: Its protocol as it stands in the file, without what was not written.

    Raises:
        ValidationError: the protocol or the name does not hold.
    """
    known = {
        key: value for key, value in protocol.items() if value is not None or key in MAY_BE_NONE
    }
    absent = tuple(name for name in ProtocolSpec.model_fields if name not in known)
    return RecordedStudy.model_validate(
        {
            "name": record.name,
            "models": tuple(model.source or model.file for model in record.models),
            "suites": tuple(suite.name for suite in record.suites),
            "protocol": known,
            "seed": record.seed,
            "record": record,
            "not_noted": absent,
        }
    )


@dataclass(frozen=True, slots=True)
class RecordedArms:
    """The arms of a run, on this machine and with these models.

    Attributes:
        study: The study of the run.
        models: By the name that the run had for it: what takes its place.
        abilities: What this machine can run.
        only_look: Whether nothing shall run: then arms that cannot run here stay, with a note.
    """

    study: RecordedStudy
    models: Mapping[str, ModelRecord]
    abilities: Abilities
    only_look: bool = False
    _notes: dict[str, None] = field(default_factory=dict, init=False)

    def arms(self) -> tuple[tuple[Arm, ...], tuple[str, ...]]:
        """Return the arms, and notes on what differs from the run.

        Raises:
            SpecError: the run asked a running server and this one starts its own, or the reverse;
                or a setting does not hold.
        """
        self._require_same_kind()
        if self.study.not_noted:
            self._note(
                f"The run did not write down {', '.join(self.study.not_noted)}: the values of "
                "today's protocol are taken."
            )
        arms = tuple(self._arm(record) for record in self.study.record.arms)
        missing = [arm.name for arm in arms if self._why_not_here(arm.record)]
        if missing and self.only_look:
            some = f"{len(missing)} of {len(arms)} arms" if len(arms) > 1 else "The arm"
            self._note(f"{some} cannot run on this machine: {self.abilities.no_gpu_reason}.")
        return arms, tuple(self._notes)

    def _require_same_kind(self) -> None:
        if self.only_look or self.study.is_attached == self.abilities.attached:
            return
        if self.study.is_attached:
            raise SpecError(
                f"The run {self.study.name!r} asked a running server.", "Name one with --url."
            )
        raise SpecError(
            f"The run {self.study.name!r} started its own servers; a running one cannot be set "
            "from here.",
            "Omit --url.",
        )

    def _arm(self, record: ArmRecord) -> Arm:
        model = self.models[record.model]
        if model.name != record.model:
            record = _renamed(record, model.name)
        why = self._why_not_here(record)
        if why and not self.only_look:
            record = replace(record, skipped=why)
        spec = make_spec(record.spec)
        threads = max(spec.n_threads or 0, spec.n_threads_batch or 0)
        if threads > self.abilities.n_cores and not record.skipped:
            self._note(
                f"{record.name} uses {threads} threads; this machine has {self.abilities.n_cores} "
                "cores."
            )
        return Arm(
            record,
            spec,
            record.suites,
            attached=self.study.is_attached,
            elsewhere=self.abilities.elsewhere,
        )

    def _why_not_here(self, record: ArmRecord) -> str:
        needs_gpu = record.device in ON_GPU and not self.study.is_attached
        if needs_gpu and not record.skipped and not self.abilities.gpu:
            return self.abilities.no_gpu_reason
        return ""

    def _note(self, text: str) -> None:
        self._notes[text] = None


def _renamed(arm: ArmRecord, model: str) -> ArmRecord:
    """Return an arm with another model's name in place of the one it ran with."""
    name, factors = arm.name, dict(arm.factors)
    if "model" in factors:
        factors["model"] = model
        name = f"{model} {arm.name.removeprefix(arm.model).lstrip()}"
    return replace(arm, name=name, model=model, factors=factors)
