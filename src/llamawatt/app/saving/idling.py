"""Measures the idles of a setting, each on several fresh starts: nothing, asleep, resident."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from llamawatt.analysis.assess import assess
from llamawatt.analysis.estimates.idle import IdleOf
from llamawatt.analysis.rules.unloading import Rule, rules
from llamawatt.app.assemble import make_rig, make_study_plan, now_text
from llamawatt.app.instruments import open_instruments
from llamawatt.app.machine_record import machine_record
from llamawatt.app.metering import Metering
from llamawatt.app.observer import Observer
from llamawatt.app.running import lasting, new_run_path
from llamawatt.app.serving import Serving
from llamawatt.app.sources import find_study_models
from llamawatt.core.errors import TargetError, UsageError
from llamawatt.core.flags import Flag
from llamawatt.core.trials import IdlePower
from llamawatt.host.other_load import Company, SystemCompany
from llamawatt.measure.assignment import Assignment
from llamawatt.measure.instruments import Rig
from llamawatt.measure.observer import Outlook
from llamawatt.measure.preflight import preflight
from llamawatt.measure.residency import runtime_idle
from llamawatt.measure.session import Session, SessionPlan
from llamawatt.measure.trial import failure, measure
from llamawatt.meters.sensors.discover import gpus
from llamawatt.runs.store import Run, RunWriter, read_run
from llamawatt.study.baseline import bench_study
from llamawatt.study.order import Cell
from llamawatt.study.plan import Plan
from llamawatt.study.spec import StudySpec

SUITE = "short_dialogue"
N_STARTS = 4
"""Fresh starts of each setting: fewer give no interval worth the name."""


@dataclass(frozen=True, slots=True)
class Idles:
    """The idles of one setting and what follows from them.

    Attributes:
        idle: The idles and loads.
        rules: When unloading pays.
        gaps: Which idles could not be taken, and why, in sentences.
    """

    idle: IdleOf
    rules: tuple[Rule, ...]
    gaps: tuple[str, ...] = ()


def idle_study(device: str, idle_s: float, seed: int | None) -> StudySpec:
    """Return the study: one short suite, long idles.

    Raises:
        UsageError: the device is none of cpu, gpu and all.
    """
    spec = bench_study(device=device, suites=(SUITE,), seed=seed)
    changes: dict[str, object] = {
        "window_min_s": 1.0, "periods_min": 5, "idle_s": idle_s, "cool_down_s": idle_s,
        "phases": False, "runtime_idle": True, "n_prompts": 1, "repeats_min": N_STARTS,
    }  # fmt: skip
    return spec.model_copy(
        update={"name": "idle", "protocol": spec.protocol.model_copy(update=changes)}
    )


def measure_idles(
    spec: StudySpec,
    models: tuple[str, ...],
    serving: Serving,
    metering: Metering,
    observer: Observer,
    *,
    out: Path | None = None,
    command: str = "",
) -> Run:
    """Measure and write down the idles of a model, and read them back.

    Raises:
        UsageError: a running server is named: its idles are not ours to take.
        LlamawattError: something else that the user should know.
    """
    if serving.url:
        raise UsageError(
            "The idles of a running server cannot be taken: it never starts or ends.",
            "Name a model, and your own llama-server with --server if you have one.",
        )
    with ExitStack() as stack:
        found = find_study_models(spec, models, serving, observer.fetching)
        bench = stack.enter_context(
            open_instruments(
                metering, want_gpu=spec.wants_gpu, own_cpu_only=True, tell=observer.doing
            )
        )
        plan = make_study_plan(spec, serving, found, bench.boundary, command)
        machine = machine_record(bench, gpus(want_gpu=spec.wants_gpu), serving.described)
        path = out or new_run_path(spec.name, plan.study.created_at)
        writer = RunWriter.create(path, plan.study, machine)
        stack.callback(writer.close)
        observer.began(path)
        findings = preflight(evidence=bench.evidence())
        rig = make_rig(bench, plan, serving, lasting(findings))
        take_idles(plan, rig, writer, observer, SystemCompany())
    return read_run(path)


def take_idles(
    plan: Plan, rig: Rig, writer: RunWriter, observer: Observer, company: Company
) -> None:
    """Start every setting afresh `N_STARTS` times, in turn, and take its idles and a window."""
    n_all = N_STARTS * len(plan.arms)
    for number in range(n_all):
        block, at = divmod(number, len(plan.arms))
        arm = plan.arms[at]
        task = Assignment(
            cell=Cell(arm.name, SUITE),
            works=plan.works(SUITE, block),
            block=block,
            order=number,
            seed=plan.study.seed,
            boundary=plan.study.boundary,
            protocol=plan.study.protocol,
            synthetic=plan.models[arm.record.model].record.synthetic,
        )
        asleep = runtime_idle(rig, arm, plan, observer)
        known: dict[str, IdlePower] = {} if isinstance(asleep, str) else asleep
        session = SessionPlan(
            plan.study.protocol,
            task.works[:1],
            known,
            company,
            number,
            settle_max_s=plan.spec.settle_max_s,
        )
        try:
            with Session(rig, arm, session, observer) as started:
                trial = measure(rig, started, task, company)
        except TargetError as error:
            trial = failure(rig, arm, task, str(error))
        trial = replace(trial, started_at=trial.started_at or now_text())
        writer.append_trial(trial)
        observer.finished(trial, Outlook(number + 1, n_all, rig.clock.now_s(), None))


def idles_of(run: Run) -> tuple[Idles, ...]:
    """Return the idles of every setting of a run, and when unloading pays.

    Raises:
        UsageError: the run holds no idle power.
    """
    found = assess(run.study, run.machine, run.trials).idle
    made = tuple(
        Idles(each, rules(each), tuple(_gaps(run, each.arm)))
        for each in found.values()
        if each.power_w
    )
    if not made:
        raise UsageError(f"{run.path} holds no idle power.", "Measure it: `llamawatt idle`.")
    return made


def _gaps(run: Run, arm: str) -> Iterator[str]:
    own = [trial for trial in run.trials if trial.arm == arm]
    whys = {
        Flag.IDLE_BUSY: "Another process was busy while the model was resident and silent",
        Flag.IDLE_UNSETTLED: "Before the start power did not settle, or another process was busy,",
    }
    for flag, why in whys.items():
        count = sum(flag in trial.flags for trial in own)
        if count:
            yield (
                f"{why} in {count} of {len(own)} starts, so no idle was recorded there. End what "
                "else runs, then measure again."
            )
