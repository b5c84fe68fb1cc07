"""Runs a plan, block by block, and writes each finished trial before the next begins."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from llamawatt.core.errors import TargetError
from llamawatt.core.plan import RunEvent
from llamawatt.core.trials import IdlePower, Status, TrialRecord
from llamawatt.host.other_load import Company
from llamawatt.measure.assignment import Assignment
from llamawatt.measure.doubts import DISTURBANCES
from llamawatt.measure.instruments import Rig
from llamawatt.measure.observer import Observer, Outlook
from llamawatt.measure.residency import runtime_idle
from llamawatt.measure.resume import require_same_build
from llamawatt.measure.session import Session, SessionPlan
from llamawatt.measure.trial import failure, measure
from llamawatt.runs.store import RunWriter
from llamawatt.runs.traces import write_trace
from llamawatt.study.order import Cell, Visit, trial_id, visits
from llamawatt.study.plan import Plan
from llamawatt.study.stopping import hopeless_arms, open_cells, progress
from llamawatt.targets.dialects import Ask

IN_VAIN_MAX = 3
"""Disturbed windows in a row after which none is measured again until one was undisturbed: who
disturbs all the time would only make the run longer."""
TRACE_MARGIN_S = 3.0
"""Idle kept on both sides of a window in its trace file, so that the edges can be audited."""


@dataclass
class Runner:
    """One run of a plan. `run` goes on until every cell is settled or the budget is spent.

    Attributes:
        plan: What to run.
        rig: The seams.
        writer: Where it is written.
        observer: Who hears of it.
        company: Who else is busy.
        trials: Finished trials; those of an earlier, interrupted run are passed in.
    """

    plan: Plan
    rig: Rig
    writer: RunWriter
    observer: Observer
    company: Company
    trials: list[TrialRecord] = field(default_factory=list)
    _session: Session | None = field(default=None, init=False)
    _stack: ExitStack = field(default_factory=ExitStack, init=False)
    _runtime: dict[str, dict[str, IdlePower]] = field(default_factory=dict, init=False)
    _start_s: float = field(default=0.0, init=False)
    _n_before: int = field(default=0, init=False)
    _n_sessions: int = field(default=0, init=False)
    _n_in_vain: int = field(default=0, init=False)
    _told: set[str] = field(default_factory=set, init=False)

    def run(self) -> None:
        """Run every block that is left.

        Raises:
            RunDirectoryError: a trial could not be written.
        """
        self._start_s = self.rig.clock.now_s()
        self._n_before = len(self.trials)
        sessions = (trial.session for trial in self.trials if trial.session is not None)
        self._n_sessions = max(sessions, default=-1) + 1
        block = 0
        with ExitStack() as self._stack:
            while cells := self._open(block):
                turns = visits(self.plan.study.seed, block, cells)
                for visit in turns:
                    if not self._visit(block, visit):
                        return
                    if len(turns) > 1:  # each block starts each arm's server afresh
                        self._leave()
                block += 1
        self._tell_stops()

    def _open(self, block: int) -> tuple[Cell, ...]:
        """Decide from earlier blocks alone, so that a resumed run decides alike."""
        earlier = [trial for trial in self.trials if trial.block < block]
        return open_cells(self.plan.cells, earlier, self.plan.study.protocol)

    def _visit(self, block: int, visit: Visit) -> bool:
        """Take what is pending of a visit; False when the time is up."""
        done = {trial.trial_id for trial in self.trials}
        pending = [cell for cell in visit.cells if trial_id(block, cell) not in done]
        for cell in pending:
            if self._out_of_time(block):
                return False
            if cell.arm in hopeless_arms(self.trials):
                break
            self._finish(self._attempt(self._assignment(block, cell)))
        return True

    def _assignment(self, block: int, cell: Cell) -> Assignment:
        model = self.plan.models[self.plan.arm(cell.arm).record.model]
        return Assignment(
            cell=cell,
            works=self.plan.works(cell.suite, block),
            block=block,
            order=len(self.trials),
            seed=self.plan.study.seed,
            boundary=self.plan.study.boundary,
            protocol=self.plan.study.protocol,
            synthetic=model.record.synthetic,
            first_idle=self._first_idle(cell.arm),
        )

    def _first_idle(self, arm: str) -> Mapping[str, IdlePower]:
        earlier = (trial.idle.get("model") for trial in self.trials if trial.arm == arm)
        return next((powers for powers in earlier if powers), {})

    def _attempt(self, task: Assignment) -> TrialRecord:
        """Take a trial, again after a failure, and at last record the failure itself."""
        why = ""
        for attempt in range(self.plan.spec.n_retries + 1):
            try:
                return self._undisturbed(task)
            except TargetError as error:
                self._leave()
                why = str(error)
                if attempt < self.plan.spec.n_retries:
                    self._note("retry", why, task.cell)
        return failure(self.rig, self.plan.arm(task.cell.arm), task, why)

    def _undisturbed(self, task: Assignment) -> TrialRecord:
        """Take a trial, again while something from outside disturbs it and time is left.

        Whether it is taken again is decided by the disturbance alone, never by the figures.
        """
        n_left = self.plan.spec.n_again
        while True:
            session = self._session_of(task.cell)
            self.observer.doing(f"{task.cell.arm}: {task.cell.suite}, block {task.block + 1}")
            trial = measure(self.rig, session, task, self.company)
            disturbed = [flag for flag in trial.flags if flag in DISTURBANCES]
            if not disturbed:
                self._n_in_vain = 0
                return trial
            self._n_in_vain += 1
            if n_left <= 0 or self._n_in_vain > IN_VAIN_MAX or not self._affords_another():
                return trial
            n_left -= 1
            text = f"{disturbed[0].sentence} The window is measured again."
            self._note("retry", text, task.cell)

    def _affords_another(self) -> bool:
        """Tell whether one more trial fits into the budget, if there is one."""
        budget_s = self.plan.spec.budget_s
        spent_s = self.rig.clock.now_s() - self._start_s
        return budget_s is None or spent_s + self._trial_s() <= budget_s

    def _session_of(self, cell: Cell) -> Session:
        """Return the running session of an arm, or leave the other and start this one's."""
        if self._session is not None and self._session.arm.name == cell.arm:
            self._session.take_model_idle()
            return self._session
        self._leave()
        arm = self.plan.arm(cell.arm)
        plan = SessionPlan(
            self.plan.study.protocol,
            self._warm_up(cell),
            self._runtime_of(arm.record.device, cell),
            self.company,
            self._n_sessions,
            self.plan.spec.cool_below_c,
            self.plan.spec.cool_max_s,
            self.plan.spec.settle_max_s,
        )
        self._n_sessions += 1
        session = self._stack.enter_context(Session(self.rig, arm, plan, self.observer))
        for text in session.notes:
            self._note_once(text, cell)
        require_same_build(self.trials, cell.arm, session.endpoint.build)
        self._session = session
        return session

    def _warm_up(self, cell: Cell) -> Sequence[Ask]:
        works = self.plan.works(cell.suite, 0)
        return [works[index % len(works)] for index in range(self.plan.spec.n_warm_up)]

    def _runtime_of(self, device: str, cell: Cell) -> Mapping[str, IdlePower]:
        """Return idle with the runtime up: measured once per device, or known from a resume."""
        if not self.plan.spec.runtime_idle:
            return {}
        if device not in self._runtime:
            self._runtime[device] = self._known_runtime(device) or self._measure_runtime(cell)
        return self._runtime[device]

    def _known_runtime(self, device: str) -> dict[str, IdlePower]:
        arms = {arm.name for arm in self.plan.arms if arm.record.device == device}
        earlier = (trial.idle.get("runtime") for trial in self.trials if trial.arm in arms)
        return next((powers for powers in earlier if powers), {})

    def _measure_runtime(self, cell: Cell) -> dict[str, IdlePower]:
        found = runtime_idle(self.rig, self.plan.arm(cell.arm), self.plan, self.observer)
        if isinstance(found, str):
            self._note("warning", found, cell)
            return {}
        return found

    def _leave(self) -> None:
        self._stack.close()
        self._session = None

    def _finish(self, trial: TrialRecord) -> None:
        if trial.status is Status.OK:
            span = (trial.window.t0_s - TRACE_MARGIN_S, trial.window.t1_s + TRACE_MARGIN_S)
            write_trace(self.writer.path, trial.trial_id, self.rig.instrument.traces(*span))
        self.writer.append_trial(trial)
        self.trials.append(trial)
        self.observer.finished(trial, self.outlook())

    def _note_once(self, text: str, cell: Cell) -> None:
        if (key := f"{cell.arm}: {text}") not in self._told:
            self._told.add(key)
            self._note("warning", text, cell)

    def _note(self, kind: str, text: str, cell: Cell | None = None) -> None:
        arm, suite = (cell.arm, cell.suite) if cell else ("", "")
        event = RunEvent(kind, text, arm, suite, self.rig.today())
        self.writer.append_event(event)
        self.observer.noted(event)

    def _tell_stops(self) -> None:
        state = progress(self.plan.cells, self.trials, self.plan.study.protocol)
        for cell, found in state.items():
            reason = found.reason or "time was up"
            self._note("stopped", f"{reason} after {found.n_done} repeats.", cell)

    def _out_of_time(self, block: int) -> bool:
        """Tell whether the next trial would overrun the budget.

        The first block is always finished: without it there is nothing to compare.
        """
        budget_s = self.plan.spec.budget_s
        if budget_s is None or block == 0:
            return False
        if self._affords_another():
            return False
        spent_s = self.rig.clock.now_s() - self._start_s
        self._note(
            "budget",
            f"Stopped after {spent_s:.0f} s: another trial would not fit into {budget_s:.0f} s.",
        )
        self._tell_stops()
        return True

    def _trial_s(self) -> float:
        """Mean time that a trial took so far in this process, starts and idles included."""
        count = len(self.trials) - self._n_before
        return (self.rig.clock.now_s() - self._start_s) / count if count else 0.0

    @property
    def has_work(self) -> bool:
        """Whether any cell needs another trial."""
        return bool(open_cells(self.plan.cells, self.trials, self.plan.study.protocol))

    def outlook(self) -> Outlook:
        """Return where the run stands.

        Cells are assumed to need the minimum of repeats, or what the budget leaves beyond the
        first block.
        """
        protocol = self.plan.study.protocol
        state = progress(self.plan.cells, self.trials, protocol)
        left = sum(
            0 if found.settled else max(1, protocol.repeats_min - found.n_done)
            for found in state.values()
        )
        elapsed_s = self.rig.clock.now_s() - self._start_s
        if len(self.trials) == self._n_before:
            return Outlook(len(self.trials), len(self.trials) + left, elapsed_s, None)
        trial_s = self._trial_s()
        if self.plan.spec.budget_s is not None:
            affordable = int((self.plan.spec.budget_s - elapsed_s) / trial_s) if trial_s else left
            n_first = sum(found.n_done == 0 and not found.settled for found in state.values())
            left = max(n_first, min(left, affordable))
        return Outlook(len(self.trials), len(self.trials) + left, elapsed_s, trial_s * left)
