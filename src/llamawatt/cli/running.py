"""Runs a study from the command line: bench and `study run` differ only in where it comes from."""

import shlex
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from llamawatt.app.assemble import make_rig, make_study_plan, now_text
from llamawatt.app.machine_record import machine_record
from llamawatt.app.serving import Serving
from llamawatt.app.sources import find_study_models
from llamawatt.cli.metering import Metering
from llamawatt.cli.progress import ConsoleObserver
from llamawatt.core.errors import ModelError, RunDirectoryError, TargetError, UsageError
from llamawatt.core.flags import Flag
from llamawatt.core.machine import MachineRecord
from llamawatt.core.plan import RunEvent, judged_name
from llamawatt.core.redaction import arguments_without_secrets
from llamawatt.core.trials import Status, TrialRecord
from llamawatt.host.other_load import SystemCompany
from llamawatt.measure.preflight import Finding, preflight
from llamawatt.measure.resume import require_same
from llamawatt.measure.runner import Runner
from llamawatt.meters.sampling.instrument import MeterBench
from llamawatt.meters.sensors.discover import gpus
from llamawatt.runs.quality import read_quality
from llamawatt.runs.store import Run, RunWriter, read_run
from llamawatt.study.estimate import budget_text
from llamawatt.study.plan import Plan
from llamawatt.study.spec import StudySpec

if TYPE_CHECKING:
    from llamawatt.quality.scores import Backend

RUNS_FOLDER = Path("llamawatt-runs")


@dataclass(frozen=True, slots=True)
class Order:
    """A run as ordered.

    Attributes:
        spec: The study.
        models: Model references, over the study's own.
        serving: What serves.
        metering: Which meters.
        out: Run directory; a new one in `llamawatt-runs` when None.
        resume: Run directory to go on with.
        quiet: No progress.
        judges: Whether models, or their cache settings, are judged after the trials.
    """

    spec: StudySpec
    models: tuple[str, ...]
    serving: Serving
    metering: Metering
    out: Path | None = None
    resume: Path | None = None
    quiet: bool = False
    judges: bool = False

    @property
    def wants_gpu(self) -> bool:
        """Whether any arm may use a GPU; one that sleeps is left asleep otherwise."""
        return bool(self.serving.url) or self.spec.wants_gpu


def carry_out(order: Order) -> Run:
    """Run a study to its end and read it back.

    Raises:
        LlamawattError: something the user should know; finished trials are on the disk.
    """
    spec = _seeded(order)
    with ExitStack() as stack:
        observer = stack.enter_context(ConsoleObserver(quiet=order.quiet))
        models = find_study_models(spec, order.models, order.serving, observer.fetching)
        want_gpu = order.wants_gpu
        attached = bool(order.serving.url)
        found = order.metering.discover(
            want_gpu=want_gpu, attached=attached, own_cpu_only=not attached
        )
        bench = MeterBench(found.meters, found.missing, tell=observer.doing)
        stack.enter_context(bench)
        plan = make_study_plan(
            spec,
            order.serving,
            models,
            bench.boundary,
            shlex.join(["llamawatt", *arguments_without_secrets(sys.argv[1:])]),
        )
        machine = machine_record(bench, gpus(want_gpu=want_gpu), order.serving.described)
        writer, trials = _open(order, plan, machine)
        stack.callback(writer.close)
        observer.doing("looking for other load")
        findings = preflight(evidence=bench.evidence())
        _tell_start(plan, findings, writer, observer)
        rig = make_rig(bench, plan, order.serving, lasting(findings))
        runner = Runner(plan, rig, writer, observer, SystemCompany(), trials)
        if not runner.has_work:
            observer.say("Every repeat that was asked for is done.")
        try:
            runner.run()
            if order.judges:
                _judge(plan, order.serving.server, writer, observer)
        except KeyboardInterrupt:
            in_place = " in place of --out" if order.out else ""
            writer.append_event(RunEvent("interrupted", "Interrupted.", at=now_text()))
            observer.say(
                f"Finished trials are on the disk. Go on: the same command with "
                f"--resume {writer.path}{in_place}"
            )
            raise
    run = read_run(writer.path)
    _require_success(run)
    return run


def _judge(plan: Plan, server: Path | None, writer: RunWriter, observer: ConsoleObserver) -> None:
    """Judge models or settings while the directory is ours, and say what was not judged."""
    from llamawatt.app.judging import judge_plan
    from llamawatt.app.machine_record import n_usable_cores
    from llamawatt.quality.scores import Plan as Reading

    def progress(name: str, done: int, total: int | None) -> None:
        observer.doing(f"judging {name}: {done} of {total or '?'} chunks")

    observer.say("judging quality on the text that comes with llamawatt")
    reading = Reading(n_threads=n_usable_cores())
    backend = _judge_at(server)
    records = judge_plan(plan, backend, reading, None, progress)
    if not (isinstance(backend, ModelError) and read_quality(writer.path)):
        writer.set_quality(records)  # what was judged before the judge was lost is kept
    for record in records:
        if record.not_judged:
            text = f"{judged_name(record)} was not judged: {record.not_judged.rstrip('.')}."
            event = RunEvent("warning", text, at=now_text())
            writer.append_event(event)
            observer.noted(event)


def _judge_at(server: Path | None) -> "Backend | ModelError":
    """Return llama.cpp as it comes along, else beside the user's server, else why there is none."""
    from llamawatt.quality.library_backend import LibraryBackend

    try:
        return LibraryBackend.at(None)
    except ModelError as without:
        try:
            return LibraryBackend.at(server) if server else without
        except ModelError as error:
            return error


def _seeded(order: Order) -> StudySpec:
    """Take the seed of the run that is resumed, for its order must go on, and its budget.

    Raises:
        UsageError: another directory is asked for beside it.
        RunDirectoryError: there is no such run.
    """
    if order.resume is None:
        return order.spec
    if order.out is not None:
        raise UsageError("A resumed run stays where it is.", "Give --resume without --out.")
    before = read_run(order.resume).study
    protocol = order.spec.protocol
    if protocol.budget_s is None:
        protocol = protocol.model_copy(update={"budget_s": before.protocol.budget_s})
    return order.spec.model_copy(update={"seed": before.seed, "protocol": protocol})


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
    plan: Plan, findings: tuple[Finding, ...], writer: RunWriter, observer: ConsoleObserver
) -> None:
    texts = [("clipped", note) for note in plan.notes]
    skipped = (arm for arm in plan.study.arms if arm.skipped)
    texts += [("skipped", f"{arm.name}: {arm.skipped}.") for arm in skipped]
    texts += [("budget", text) for text in [budget_text(plan)] if text]
    texts += [("warning", f"{found.text} {found.remedy}".strip()) for found in findings]
    for kind, text in texts:
        event = RunEvent(kind, text, at=now_text())
        writer.append_event(event)
        observer.noted(event)


def _require_success(run: Run) -> None:
    if run.trials and not any(trial.status is Status.OK for trial in run.trials):
        last: TrialRecord = run.trials[-1]
        raise TargetError(f"No trial succeeded. The last: {last.error}")
