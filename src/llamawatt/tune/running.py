"""The use case of `tune`: prepare, search, decide, write down; broken off, keep the best so far."""

import random
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from llamawatt.app.assemble import make_rig, now_text
from llamawatt.app.instruments import open_instruments
from llamawatt.app.judging import Judging, backend_at
from llamawatt.app.machine_record import machine_record, n_usable_cores
from llamawatt.app.metering import Metering
from llamawatt.app.observer import Observer, Silent
from llamawatt.app.running import lasting, new_run_path
from llamawatt.app.serving import Serving
from llamawatt.app.system.changes import SystemChanges
from llamawatt.app.system.controls import Machine, changeable
from llamawatt.core.errors import RunDirectoryError, UsageError
from llamawatt.core.machine import MachineRecord
from llamawatt.core.plan import RunEvent, StudyRecord
from llamawatt.core.trials import SCHEMA, TrialRecord
from llamawatt.host.other_load import Company, SystemCompany
from llamawatt.host.power_supply import on_battery
from llamawatt.measure.instruments import Rig
from llamawatt.measure.preflight import preflight
from llamawatt.meters.sampling.instrument import MeterBench
from llamawatt.meters.sensors.discover import gpus
from llamawatt.quality.scores import Plan as Reading
from llamawatt.runs.store import RunWriter
from llamawatt.study.plan import Plan
from llamawatt.tune.divergence import KLD, Divergence
from llamawatt.tune.record import (
    VERSION,
    Asked,
    Found,
    KnobRecord,
    TuneRecord,
    read_tune,
    write_tune,
)
from llamawatt.tune.replay import Replay
from llamawatt.tune.search.decide import Outcome, duel, search
from llamawatt.tune.search.measured import Budget, Measured, Stage
from llamawatt.tune.search.space import Setting
from llamawatt.tune.setup.preparing import LEAST_WINDOWS, Prepared, prepare
from llamawatt.tune.setup.script import tuning_protocol
from llamawatt.tune.verdict import Standing, broken_off, conclude, standing
from llamawatt.tune.windows import Windows

Known = Callable[[Setting], Mapping[str, float]]
"""Values of a setting that no window measures, by name."""
N_ALONE = 3
"""Windows of the default with one stream, beside a search with several."""


@dataclass(frozen=True, slots=True)
class TuneOrder:
    """A search as ordered.

    Attributes:
        asked: What is asked for.
        serving: What serves.
        metering: Which meters.
        seed: Of every random choice; drawn when None.
        out: Run directory; a new one when None.
        resume: Run directory to go on with; what was asked there counts.
        command: What is written down as the command.
    """

    asked: Asked
    serving: Serving = field(default_factory=Serving)
    metering: Metering = field(default_factory=Metering)
    seed: int | None = None
    out: Path | None = None
    resume: Path | None = None
    command: str = ""


@dataclass(frozen=True, slots=True)
class Tuned:
    """A search that has ended.

    Attributes:
        path: Its run directory.
        record: What it found.
        ready: What was searched.
        machine: Where.
    """

    path: Path
    record: TuneRecord
    ready: Prepared
    machine: MachineRecord

    @property
    def found(self) -> Found:
        """What came of it."""
        if self.record.found is None:
            raise ValueError("the search has not ended")
        return self.record.found


class TuneObserver(Observer, Protocol):
    """Hears of a search as it goes on."""

    def window(self, taken: Measured, name: str, best: Standing | None, left_s: float) -> None:
        """Hear of a window, the best so far, and the time left."""


class SilentTune(Silent):
    """Hears everything and says nothing."""

    def window(self, taken: Measured, name: str, best: Standing | None, left_s: float) -> None:
        """Ignore it."""


def tune(
    order: TuneOrder,
    observer: TuneObserver | None = None,
    narrowed: Callable[[Prepared], Prepared] | None = None,
) -> Tuned:
    """Search for the best setting and write down what was found.

    Args:
        order: What is asked for.
        observer: Hears of it as it goes on.
        narrowed: Narrows what was prepared, as to one rival of the default.

    Returns:
        The search; where Ctrl-C broke it off, with the best so far as its answer.

    Raises:
        LlamawattError: something that the user can mend; windows taken are on the disk.
    """
    hearer = observer or SilentTune()
    order, before = _as_before(order)
    with ExitStack() as stack:
        machine_set = changeable() if order.asked.allow_system else None
        set_machine = _setter(stack, machine_set)
        ready = prepare(
            order.asked,
            order.serving,
            gpus,
            hearer.fetching,
            None if before is None else before.free_bytes,
            machine_set,
        )
        ready = ready if narrowed is None else narrowed(ready)
        want_gpu = ready.bench.has_gpu
        bench = stack.enter_context(
            open_instruments(
                order.metering, want_gpu=want_gpu, own_cpu_only=True, tell=hearer.doing
            )
        )
        machine = machine_record(bench, gpus(want_gpu=want_gpu), order.serving.described)
        writer, trials, study = _open(order, ready, bench, machine)
        stack.callback(writer.close)
        record = _record(ready)
        write_tune(writer.path, record)
        hearer.began(writer.path)
        judge = _judge(order, ready, hearer)
        found = carry_out(
            ready,
            _rig(order, ready, study, bench, writer, hearer),
            writer,
            (study, trials),
            hearer,
            SystemCompany(),
            set_machine,
            _known(ready, judge),
        )
        if judge is not None and judge.records:
            writer.set_quality(judge.records)
        record = record.with_found(found)
        write_tune(writer.path, record)
    return Tuned(writer.path, record, ready, machine)


def carry_out(
    ready: Prepared,
    rig: Rig,
    writer: RunWriter,
    so_far: tuple[StudyRecord, list[TrialRecord]],
    observer: TuneObserver,
    company: Company,
    set_machine: Callable[[Setting], None] = lambda _: None,
    known: Known | None = None,
) -> Found:
    """Search on a rig; broken off by Ctrl-C, return the best so far.

    Args:
        ready: What is searched.
        rig: The seams.
        writer: Where it is written.
        so_far: The run's record, and the trials of a search that goes on.
        observer: Hears of it.
        company: Who else is busy.
        set_machine: Sets the machine itself as a setting wants it.
        known: Values of a setting that no window measures; its memory alone when None.

    Raises:
        UsageError: the budget does not hold as many windows as a verdict needs.
    """
    study, trials = so_far
    known = known or _known(ready, None)
    n_sessions = 1 + max((each.session or 0 for each in trials), default=-1)
    windows = Windows(
        rig, writer, study, ready.space, ready.bench, ready.script, company, observer, supply_now,
        known, set_machine, len(trials), n_sessions,
    )  # fmt: skip
    replay = Replay(ready.space, windows, known)
    replay.remember(trials)
    watched = _Watched(ready, replay, observer)
    budget = Budget(ready.asked.budget_s)
    watched.budget = budget
    try:
        outcome = _decided(ready, watched, budget, study.seed)
        _alone(ready, watched, outcome)
    except KeyboardInterrupt:
        writer.append_event(RunEvent("interrupted", "Interrupted.", at=rig.today()))
        return broken_off(ready, watched.windows, study.seed)
    finally:
        windows.close()
    return conclude(ready, outcome, watched.windows, study.seed)


def _decided(ready: Prepared, measure: "_Watched", budget: Budget, seed: int) -> Outcome:
    space, wanted = ready.space, ready.wanted
    if ready.rival is not None:
        return duel(space, wanted, measure, budget, ready.rival, seed=seed)
    return search(space, wanted, measure, budget, seed=seed)


def supply_now() -> str:
    """Return what feeds the machine; empty where it has no battery."""
    discharging = on_battery()
    return "" if discharging is None else "battery" if discharging else "ac"


@dataclass(slots=True)
class _Watched:
    """A `Measure` that keeps every window and tells of it."""

    ready: Prepared
    then: Replay
    observer: TuneObserver
    budget: Budget = field(default_factory=lambda: Budget(0.0))
    windows: list[Measured] = field(default_factory=list)

    def __call__(self, setting: Setting, stage: Stage, number: int) -> Measured:
        taken = self.then(setting, stage, number)
        self.windows.append(taken)
        if len(self.windows) == 1:
            self._require_room(taken)
        best = standing(self.ready.wanted, self.windows, self.ready.space.default())
        name = self.ready.bench.arm(self.ready.space, setting).name
        self.observer.window(taken, name, best, self.budget.left_s() - taken.took_s)
        return taken

    def _require_room(self, first: Measured) -> None:
        """Refuse a budget that the first window shows to be too small.

        Raises:
            UsageError: it is.
        """
        least_s = LEAST_WINDOWS * first.took_s
        if self.budget.limit_s < least_s:
            raise UsageError(
                f"A budget of {self.budget.limit_s:.0f} s is too small here: one window took "
                f"{first.took_s:.0f} s, start of the server included.",
                f"Give at least --budget {least_s / 60:.0f}m, or a suite with shorter replies.",
            )


def _alone(ready: Prepared, measure: _Watched, outcome: Outcome) -> None:
    """Measure the default with one stream too, so that batching is not sold as tuning."""
    if ready.asked.n_streams == 1 or outcome.winner is None:
        return
    for number in range(1, N_ALONE + 1):
        measure(ready.space.default(), Stage.ALONE, number)


def _setter(stack: ExitStack, machine: Machine | None) -> Callable[[Setting], None]:
    """Return what sets the machine as a setting wants it; put back when the stack is closed."""
    if machine is None or not machine.controls:
        return lambda _: None
    controls = {each.name: each for found in machine.controls.values() for each in found}
    changes = stack.enter_context(SystemChanges(controls))

    def apply(setting: Setting) -> None:
        given = setting.as_dict()
        for knob in machine.controls:
            if knob in given:
                changes.set(machine.wanted(knob, given[knob]))

    return apply


def _known(ready: Prepared, judge: Divergence | None) -> Known:
    """Return what is known of a setting without a window."""

    def values(setting: Setting) -> Mapping[str, float]:
        memory = {"memory_gb": ready.bench.need(ready.space, setting).total_gb}
        return memory if judge is None else {**memory, **judge.values(setting)}

    return values


def _judge(order: TuneOrder, ready: Prepared, observer: TuneObserver) -> Divergence | None:
    """Return what judges quality, where it is bounded."""
    if all(each.measure != KLD for each in ready.wanted.requirements):
        return None

    def progress(name: str, done: int, total: int | None) -> None:
        observer.doing(f"judging {name}: {done} of {total or '?'} chunks")

    reading = Reading(n_threads=n_usable_cores())
    backend = backend_at(order.serving.server)
    return Divergence.judged(ready, Judging(backend, reading, None, progress))


def _as_before(order: TuneOrder) -> tuple[TuneOrder, TuneRecord | None]:
    """Take what was asked where a search goes on.

    Raises:
        UsageError: another directory is asked for beside it.
        RunDirectoryError: there is no such search.
    """
    if order.serving.url:
        raise UsageError(
            "The settings of a running server cannot be varied from here.",
            "Name a model, and your own llama-server with --server if you have one.",
        )
    if order.resume is None:
        return order, None
    if order.out is not None:
        raise UsageError("A resumed run stays where it is.", "Give --resume without --out.")
    before = read_tune(order.resume)
    server = Path(before.asked.server) if before.asked.server else None
    return replace(order, asked=before.asked, serving=replace(order.serving, server=server)), before


def _record(ready: Prepared) -> TuneRecord:
    knobs = tuple(KnobRecord(each.name, each.values, each.default) for each in ready.space.knobs)
    return TuneRecord(VERSION, ready.asked, knobs, dict(ready.bench.free_bytes))


def _open(
    order: TuneOrder, ready: Prepared, bench: MeterBench, machine: MachineRecord
) -> tuple[RunWriter, list[TrialRecord], StudyRecord]:
    if order.resume is not None:
        writer, before = RunWriter.resume(order.resume)
        if _differs(before.machine, machine):
            writer.close()
            raise RunDirectoryError(
                "The search cannot go on: its machine or meters are others than they were.",
                "Go on where it began, or start a new one.",
            )
        writer.append_event(RunEvent("resumed", f"Resumed: {order.command}", at=now_text()))
        return writer, list(before.trials), before.study
    study = StudyRecord(
        schema=SCHEMA,
        name="tune",
        seed=random.SystemRandom().randrange(2**31) if order.seed is None else order.seed,
        models=tuple(each.record for each in ready.models.values()),
        arms=(),
        suites=ready.script.records,
        protocol=ready.script.long,
        boundary=bench.boundary,
        target=order.serving.kind,
        command=order.command,
        created_at=now_text(),
    )
    path = order.out or new_run_path(study.name, study.created_at)
    return RunWriter.create(path, study, machine), [], study


def _differs(before: MachineRecord, now: MachineRecord) -> bool:
    return (before.cpu, before.gpus, before.domains) != (now.cpu, now.gpus, now.domains)


def _rig(
    order: TuneOrder,
    ready: Prepared,
    study: StudyRecord,
    bench: MeterBench,
    writer: RunWriter,
    observer: TuneObserver,
) -> Rig:
    observer.doing("looking for other load")
    findings = preflight(evidence=bench.evidence())
    texts = [("note", note) for note in ready.notes]
    texts += [("warning", f"{found.text} {found.remedy}".strip()) for found in findings]
    for kind, text in texts:
        event = RunEvent(kind, text, at=now_text())
        writer.append_event(event)
        observer.noted(event)
    plan = Plan(study, tuning_protocol(ready.asked.budget_s), (), ready.models, {})
    return make_rig(bench, plan, order.serving, lasting(findings))
