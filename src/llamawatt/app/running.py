"""The main use case: run a study to its end, write it down, read it back."""

from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from threading import Event

from llamawatt.app.assemble import make_rig, make_study_plan, now_text
from llamawatt.app.instruments import open_instruments
from llamawatt.app.judging import judge_run
from llamawatt.app.machine_record import machine_record
from llamawatt.app.observer import Attentive, Observer, Silent
from llamawatt.app.order import Order
from llamawatt.app.outcome import require_any_trial
from llamawatt.app.sources import find_study_models
from llamawatt.core.errors import Cancelled, RunDirectoryError
from llamawatt.core.flags import Flag
from llamawatt.core.machine import MachineRecord
from llamawatt.core.plan import RunEvent
from llamawatt.core.trials import TrialRecord
from llamawatt.host.other_load import SystemCompany
from llamawatt.measure.preflight import Finding, preflight
from llamawatt.measure.resume import require_same
from llamawatt.measure.runner import Runner
from llamawatt.meters.sampling.instrument import MeterBench
from llamawatt.meters.sensors.discover import gpus
from llamawatt.runs.named import RUNS_FOLDER
from llamawatt.runs.store import Run, RunWriter, read_run
from llamawatt.study.estimate import budget_text
from llamawatt.study.plan import Plan


def run_study(
    order: Order,
    observer: Observer | None = None,
    *,
    instruments: MeterBench | None = None,
    cancel: Event | None = None,
) -> Run:
    """Run a study to its end and read it back.

    May be called any number of times in a process, from any thread, one call at a time: two at
    once would measure each other.

    Args:
        order: What to run.
        observer: Hears of it as it goes on, in this thread; what it raises ends the run.
        instruments: Meters that are open, from `open_instruments`; this run's own when None.
        cancel: Set it from another thread to call the run off at the next step.

    Returns:
        The run, with its directory and every record in it.

    Raises:
        Cancelled: it was called off; finished trials are on the disk, `resume` goes on.
        NoTrialError: not one trial succeeded; it names the run's directory.
        LlamawattError: something else that the user should know, by kind (`core/errors.py`).
    """
    order = order.as_before()
    judges, hearer = order.wants_judging, Attentive(observer or Silent(), cancel)
    with ExitStack() as stack:
        models = find_study_models(order.spec, order.models, order.serving, hearer.fetching)
        bench = instruments or stack.enter_context(_own_instruments(order, hearer))
        plan = make_study_plan(order.spec, order.serving, models, bench.boundary, order.command)
        machine = machine_record(bench, gpus(want_gpu=order.wants_gpu), order.serving.described)
        writer, trials = _open(order, plan, machine)
        stack.callback(writer.close)
        hearer.began(writer.path)
        try:
            _measure(order, plan, bench, (writer, trials), hearer)
            if judges:
                judge_run(plan, order.serving.server, writer, hearer)
        except (KeyboardInterrupt, Cancelled):
            _note(writer, hearer, RunEvent("interrupted", "Interrupted.", at=now_text()))
            raise
    run = read_run(writer.path)
    require_any_trial(run)
    return run


def _own_instruments(order: Order, observer: Observer) -> AbstractContextManager[MeterBench]:
    attached = bool(order.serving.url)
    return open_instruments(
        order.metering,
        want_gpu=order.wants_gpu,
        attached=attached,
        own_cpu_only=not attached,
        tell=observer.doing,
    )


def _measure(
    order: Order,
    plan: Plan,
    bench: MeterBench,
    written: tuple[RunWriter, list[TrialRecord]],
    observer: Observer,
) -> None:
    """Look at the machine, then take every trial that is left."""
    writer, trials = written
    observer.doing("looking for other load")
    findings = preflight(evidence=bench.evidence())
    _tell_start(plan, findings, writer, observer)
    rig = make_rig(bench, plan, order.serving, lasting(findings))
    runner = Runner(plan, rig, writer, observer, SystemCompany(), trials)
    if not runner.has_work:
        done = "Every repeat that was asked for is done."
        _note(writer, observer, RunEvent("done", done, at=now_text()))
    runner.run()


def _open(order: Order, plan: Plan, machine: MachineRecord) -> tuple[RunWriter, list[TrialRecord]]:
    if order.resume is None:
        path = order.out or new_run_path(plan.study.name, plan.study.created_at)
        return RunWriter.create(path, plan.study, machine), []
    writer, before = RunWriter.resume(order.resume)
    try:
        require_same(before, plan, machine)
        writer.append_event(RunEvent("resumed", f"Resumed: {plan.study.command}", at=now_text()))
    except RunDirectoryError:
        writer.close()
        raise
    return writer, list(before.trials)


def new_run_path(name: str, created_at: str) -> Path:
    """Return a folder that is not there yet, by a time (UTC, ISO 8601) and a name."""
    stem = f"{created_at.replace(':', '').removesuffix('Z')}-{name}"
    path = RUNS_FOLDER / stem
    number = 2
    while path.exists():
        path = RUNS_FOLDER / f"{stem}-{number}"
        number += 1
    return path


def lasting(findings: tuple[Finding, ...]) -> tuple[Flag, ...]:
    """Return the doubts that hold for the whole run; load and heat are looked at in every trial."""
    return tuple(
        finding.flag for finding in findings if finding.flag in {Flag.GOVERNOR, Flag.ON_BATTERY}
    )


def _tell_start(
    plan: Plan, findings: tuple[Finding, ...], writer: RunWriter, observer: Observer
) -> None:
    texts = [("clipped", note) for note in plan.notes]
    skipped = (arm for arm in plan.study.arms if arm.skipped)
    texts += [("skipped", f"{arm.name}: {arm.skipped}.") for arm in skipped]
    texts += [("budget", text) for text in [budget_text(plan)] if text]
    texts += [("warning", f"{found.text} {found.remedy}".strip()) for found in findings]
    for kind, text in texts:
        _note(writer, observer, RunEvent(kind, text, at=now_text()))


def _note(writer: RunWriter, observer: Observer, event: RunEvent) -> None:
    writer.append_event(event)
    observer.noted(event)
