"""Takes the windows of a search on the real machine, and writes each down before the next begins.

While only what is asked differs, one server keeps running; the stages that decide start a fresh
one for every window. What fails is an answer too: it is written down and learnt from.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from llamawatt.core.errors import TargetError
from llamawatt.core.flags import Flag
from llamawatt.core.plan import StudyRecord
from llamawatt.core.trials import Status, TrialRecord
from llamawatt.host.other_load import Company
from llamawatt.measure.assignment import Assignment
from llamawatt.measure.instruments import Rig
from llamawatt.measure.observer import Observer
from llamawatt.measure.session import Session, SessionPlan, energies
from llamawatt.measure.trial import failure, measure
from llamawatt.runs.store import RunWriter
from llamawatt.runs.traces import write_trace
from llamawatt.study.arms import Arm
from llamawatt.study.order import Cell
from llamawatt.tune.search.measured import CHANGED, Measured, Stage
from llamawatt.tune.search.space import Setting, Space
from llamawatt.tune.setup.script import DECIDING, Script
from llamawatt.tune.setup.settings import Bench

STAGE, ROUND, TOOK, SPENT, SUPPLY = (
    f"tune.{word}" for word in ("stage", "round", "took_s", "spent_j", "supply")
)
"""Evidence of a trial that a search reads back when it goes on."""
ALONE_NAME = "default, one stream"
Supply = Callable[[], str]
"""Says what feeds the machine now, `ac` or `battery`; empty where it has no battery."""


@dataclass(slots=True)
class Windows:
    """A `Measure` on the real machine. Close it: a server may be running.

    Attributes:
        rig: The seams.
        writer: Where every window is written.
        study: The run's record; arms are added as they are tried.
        space: What varies.
        bench: What all settings share.
        script: What is asked.
        company: Who else is busy.
        observer: Hears what goes on.
        supply: What feeds the machine.
        known: Further values of a setting that no window measures, as `memory_gb` and `kld`.
        prepare: Sets the machine as a setting wants it, before its window.
        n_taken: Windows that the run holds already.
        n_sessions: Servers that it has started already.
    """

    rig: Rig
    writer: RunWriter
    study: StudyRecord
    space: Space
    bench: Bench
    script: Script
    company: Company
    observer: Observer
    supply: Supply
    known: Callable[[Setting], Mapping[str, float]]
    prepare: Callable[[Setting], None]
    n_taken: int = 0
    n_sessions: int = 0
    _session: Session | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    def __call__(self, setting: Setting, stage: Stage, number: int) -> Measured:
        """Take one window, or say why there is none."""
        arm = self._arm(setting, stage)
        self._list(arm)
        self.prepare(setting)
        self.rig.instrument.edge()
        began_s, fed_by = self.rig.clock.now_s(), self.supply()
        task = self._assignment(arm, stage, number)
        try:
            trial = measure(self.rig, self._served(arm, stage, task), task, self.company)
        except TargetError as error:
            self.close()
            trial = failure(self.rig, arm, task, str(error))
        self.rig.instrument.edge()
        spent_j = self._spent_j(began_s, self.rig.clock.now_s())
        if stage in DECIDING:
            self.close()
        fed = fed_by if fed_by == self.supply() else CHANGED
        took_s = self.rig.clock.now_s() - began_s
        evidence = {STAGE: stage.value, ROUND: number, TOOK: took_s, SPENT: spent_j, SUPPLY: fed}
        changed = (Flag.SUPPLY_CHANGED,) if fed == CHANGED else ()
        trial = replace(
            trial, evidence={**trial.evidence, **evidence}, flags=(*trial.flags, *changed)
        )
        self._write(trial, stage)
        return measured_of(trial, setting, self.known(setting))

    def close(self) -> None:
        """Stop the server, if one is running."""
        self._stack.close()
        self._session = None

    def _arm(self, setting: Setting, stage: Stage) -> Arm:
        if stage is not Stage.ALONE:
            return self.bench.arm(self.space, setting)
        fixed = dict(self.bench.fixed)
        n_streams, n_ctx = fixed.get("n_parallel"), fixed.get("n_ctx")
        if isinstance(n_streams, int) and isinstance(n_ctx, int):
            fixed |= {"n_parallel": 1, "n_ctx": n_ctx // n_streams}
        arm = replace(self.bench, fixed=fixed).arm(self.space, setting)
        return replace(arm, record=replace(arm.record, name=ALONE_NAME))

    def _list(self, arm: Arm) -> None:
        """Write an arm into the run's record before its first trial."""
        if all(each.name != arm.name for each in self.study.arms):
            self.study = replace(self.study, arms=(*self.study.arms, arm.record))
            self.writer.set_study(self.study)

    def _assignment(self, arm: Arm, stage: Stage, number: int) -> Assignment:
        shape = self.bench.shapes[arm.record.model]
        return Assignment(
            cell=Cell(arm.name, self.script.suite(stage)),
            works=self.script.works(stage, number),
            block=self.n_taken,
            order=self.n_taken,
            seed=self.study.seed,
            boundary=self.study.boundary,
            protocol=self.script.protocol(stage),
            synthetic=shape.record.synthetic,
        )

    def _served(self, arm: Arm, stage: Stage, task: Assignment) -> Session:
        """Return a session of an arm: the one that runs where its server serves this arm too."""
        session = self._session
        if session is not None and stage not in DECIDING and _serves(session, arm):
            if session.arm != arm:
                session.ask_as(arm)
            return session
        self.close()
        plan = SessionPlan(task.protocol, task.works[:1], {}, self.company, self.n_sessions)
        self.n_sessions += 1
        self._session = self._stack.enter_context(Session(self.rig, arm, plan, self.observer))
        self.observer.doing(f"{arm.name}: measuring")
        return self._session

    def _spent_j(self, began_s: float, ended_s: float) -> float | None:
        """Return the joules of a stretch, starts of servers included; None where one is unknown."""
        spent = energies(self.rig, began_s, ended_s, {}, surrounded=False)
        parts = [spent[name].energy_j for name in self.study.boundary if name in spent]
        return sum(parts) if len(parts) == len(self.study.boundary) else None

    def _write(self, trial: TrialRecord, stage: Stage) -> None:
        if stage in DECIDING and trial.status is Status.OK:
            span = (trial.window.t0_s, trial.window.t1_s)
            write_trace(self.writer.path, trial.trial_id, self.rig.instrument.traces(*span))
        self.writer.append_trial(trial)
        self.n_taken += 1


def _serves(session: Session, arm: Arm) -> bool:
    same_model = session.arm.record.model == arm.record.model
    return same_model and session.arm.spec.served_as(arm.spec)


def measured_of(trial: TrialRecord, setting: Setting, known: Mapping[str, float]) -> Measured:
    """Return what a search learns from a recorded trial.

    Args:
        trial: The trial, with the search's evidence.
        setting: Its setting.
        known: Values that no window measures.
    """
    told = {name: value for name, value in (trial.metrics or {}).items() if value is not None}
    spent, took = trial.evidence.get(SPENT), trial.evidence.get(TOOK)
    number = trial.evidence.get(ROUND)
    return Measured(
        setting=setting,
        stage=Stage(str(trial.evidence[STAGE])),
        round=number if isinstance(number, int) else 0,
        values={} if trial.status is Status.FAILED else {**told, **known},
        failure=trial.error,
        took_s=float(took) if isinstance(took, int | float) else 0.0,
        energy_j=float(spent) if isinstance(spent, int | float) else None,
        supply=str(trial.evidence.get(SUPPLY) or ""),
    )
