"""Whether a run can be gone on with: the same work, on the same machine, by the same meters."""

from collections.abc import Iterable
from dataclasses import asdict, replace

from llamawatt.core.errors import RunDirectoryError
from llamawatt.core.machine import MachineRecord
from llamawatt.core.plan import ArmRecord, ProtocolRecord, StudyRecord
from llamawatt.core.trials import TrialRecord
from llamawatt.runs.store import Run
from llamawatt.study.order import Cell
from llamawatt.study.plan import Plan

BUILD = "server_build"
"""Evidence of a trial: what the server says of its own build."""
NOTED_LATER = {
    "cool_below_c", "cool_max_s", "n_phase_prompt", "n_phase_generate", "runtime_idle", "n_retries",
}  # fmt: skip
"""Parts of a protocol that the first runs did not write down."""
NOTED_LAST = {"n_again", "settle_max_s"}
"""Parts that somewhat later ones did not either."""


def require_same(before: Run, plan: Plan, machine: MachineRecord) -> None:
    """Check that trials taken now belong beside those of a run.

    Raises:
        RunDirectoryError: models, arms, suites, requests, protocol, machine or meters differ.
    """
    unlike = (
        *_unlike_studies(before.study, plan.study),
        *_unlike_machines(before.machine, machine),
        *_unlike_work(before.trials, plan),
    )
    if unlike:
        raise RunDirectoryError(
            f"The run cannot be resumed: what is asked for now differs in {unlike[0]}.",
            "Give the same options as before, or start a new run with --out.",
        )


def require_same_build(trials: Iterable[TrialRecord], arm: str, build: str) -> None:
    """Check that a server is the build that an arm's earlier trials ran on, where both say so.

    Raises:
        RunDirectoryError: it is another; what is on the disk stays.
    """
    known = (trial.evidence.get(BUILD) for trial in trials if trial.arm == arm)
    before = next((str(each) for each in known if each), "")
    if build and before and build != before:
        raise RunDirectoryError(
            f"The run cannot go on: its server was {before} and is {build} now.",
            "Start the same build again, or a new run with --out.",
        )


def _unlike_studies(before: StudyRecord, now: StudyRecord) -> Iterable[str]:
    for name in ("models", "boundary", "target"):
        if getattr(before, name) != getattr(now, name):
            yield f"its {name}"
    if _suites(before) != _suites(now):
        yield "its suites"
    if _arms(before, now) != _arms(now, before):
        yield "its arms"
    if _protocol(before.protocol, now.protocol) != _protocol(now.protocol, before.protocol):
        yield "its protocol"


def _suites(study: StudyRecord) -> list[tuple[str, int, int]]:
    """Return suites by content: a file may be named in another way."""
    return [(suite.sha256, suite.n_prompts, suite.n_predict) for suite in study.suites]


def _arms(study: StudyRecord, other: StudyRecord) -> list[ArmRecord]:
    """Return the arms, without their suites where one of both runs did not note any."""
    noted = all(any(arm.suites for arm in each.arms) for each in (study, other))
    return [arm if noted else replace(arm, suites=()) for arm in study.arms]


def _protocol(one: ProtocolRecord, other: ProtocolRecord) -> dict[str, object]:
    """Return the parts of a protocol that decide what a trial is.

    More time may be given to a run that used up its own. Of a run that is older than the last
    fields, only what it noted can be compared.
    """
    parts = asdict(one)
    del parts["budget_s"]
    unknown: set[str] = set()
    if None in {one.n_retries, other.n_retries}:
        unknown |= NOTED_LATER
    if None in {one.n_again, other.n_again}:
        unknown |= NOTED_LAST
    return {name: value for name, value in parts.items() if name not in unknown}


def _unlike_machines(before: MachineRecord, now: MachineRecord) -> Iterable[str]:
    """Compare what decides what a joule means: the devices, and how each domain is read."""
    if (before.cpu, before.gpus) != (now.cpu, now.gpus):
        yield "its machine's devices"
    if before.domains != now.domains:
        yield "its meters"
    if before.versions.get("llama.cpp") != now.versions.get("llama.cpp"):
        yield "its llama.cpp"


def _unlike_work(trials: Iterable[TrialRecord], plan: Plan) -> Iterable[str]:
    cells = set(plan.cells)
    if any(Cell(trial.arm, trial.suite, trial.purpose) not in cells for trial in trials):
        yield "its trials"
