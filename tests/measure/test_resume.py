"""A run is gone on with only by the same work, on the same machine, by the same meters."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from llamawatt.core.errors import RunDirectoryError
from llamawatt.core.machine import Gpu, MachineRecord
from llamawatt.core.readings import Method
from llamawatt.measure.observer import SilentObserver
from llamawatt.measure.resume import NOTED_LAST, NOTED_LATER, require_same
from llamawatt.measure.runner import Runner
from llamawatt.runs.store import Run, RunWriter, read_run
from llamawatt.study.spec import Device, GroupSpec, ProtocolSpec, StudySpec
from tests.runs import records
from tests.study.simulated import DOMAIN, QuietCompany, SimulatedMachine, simulated_plan

PROTOCOL = ProtocolSpec(window_min_s=1.0, periods_min=1, idle_s=1.0, repeats_max=3, n_prompts=2)
SPEC = StudySpec(
    name="test",
    seed=11,
    suites=("short",),
    groups=(GroupSpec(name="baseline", devices=(Device.CPU, Device.GPU)),),
    protocol=PROTOCOL,
)
MACHINE = replace(
    records.machine(), domains=(DOMAIN,), versions={"llama.cpp": "embedded: xllamacpp"}
)
Change = Callable[[MachineRecord], MachineRecord]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    plan = simulated_plan(SPEC)
    writer = RunWriter.create(tmp_path / "r", plan.study, MACHINE)
    try:
        Runner(plan, SimulatedMachine().rig(), writer, SilentObserver(), QuietCompany(), []).run()
    finally:
        writer.close()
    return read_run(tmp_path / "r")


def spec(**protocol: object) -> StudySpec:
    return SPEC.model_copy(update={"protocol": PROTOCOL.model_copy(update=protocol)})


def test_the_same_again_is_gone_on_with(run: Run) -> None:
    require_same(run, simulated_plan(SPEC), MACHINE)


def test_more_time_may_be_given(run: Run) -> None:
    require_same(run, simulated_plan(spec(budget_s=900.0)), MACHINE)


CHANGES = [
    {"window_min_s": 2.0}, {"n_prompts": 3}, {"n_prompts": 1}, {"n_warm_up": 0},
    {"cool_below_c": 60.0}, {"cool_max_s": 9.0}, {"n_retries": 0}, {"runtime_idle": True},
    {"n_phase_prompt": 7}, {"n_phase_generate": 7}, {"n_again": 0}, {"settle_max_s": 9.0},
]  # fmt: skip


@pytest.mark.parametrize("changes", CHANGES)
def test_another_protocol_is_refused(run: Run, changes: dict[str, object]) -> None:
    with pytest.raises(RunDirectoryError, match="differs in its protocol"):
        require_same(run, simulated_plan(spec(**changes)), MACHINE)


def test_a_run_that_is_older_than_the_last_fields_goes_on(run: Run) -> None:
    later = dict.fromkeys(NOTED_LATER | NOTED_LAST)
    study = replace(run.study, protocol=replace(run.study.protocol, **later))
    older = replace(run, study=study)
    require_same(older, simulated_plan(spec(n_retries=0)), MACHINE)
    with pytest.raises(RunDirectoryError, match="differs in its protocol"):
        require_same(older, simulated_plan(spec(window_min_s=2.0)), MACHINE)


def test_trials_of_other_phase_windows_are_refused(run: Run) -> None:
    plan = simulated_plan(SPEC)
    fewer = replace(plan, arms=plan.arms[:1])
    with pytest.raises(RunDirectoryError, match="differs in its trials"):
        require_same(run, fewer, MACHINE)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda m: replace(m, domains=(replace(DOMAIN, method=Method.MODEL),)), "its meters"),
        (lambda m: replace(m, domains=(replace(DOMAIN, note="65 W full"),)), "its meters"),
        (lambda m: replace(m, domains=()), "its meters"),
        (lambda m: replace(m, cpu="Another CPU"), "its machine's devices"),
        (lambda m: replace(m, gpus=(Gpu(0, "A GPU"),)), "its machine's devices"),
        (lambda m: replace(m, versions={"llama.cpp": "binary: llama-server"}), "its llama.cpp"),
    ],
)
def test_another_machine_or_other_meters_are_refused(run: Run, change: Change, what: str) -> None:
    with pytest.raises(RunDirectoryError, match=f"differs in {what}"):
        require_same(run, simulated_plan(SPEC), change(MACHINE))
