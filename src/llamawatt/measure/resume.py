"""Whether a run can be gone on with: the same work, on the same machine, by the same meters."""

from collections.abc import Iterable
from dataclasses import replace

from llamawatt.core.errors import RunDirectoryError
from llamawatt.core.machine import MachineRecord
from llamawatt.core.plan import StudyRecord
from llamawatt.core.trials import TrialRecord
from llamawatt.runs.store import Run
from llamawatt.study.order import Cell
from llamawatt.study.plan import Plan

BUILD = "server_build"
"""Evidence of a trial: what the server says of its own build."""


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
    for name in ("models", "arms", "suites", "boundary", "target"):
        if getattr(before, name) != getattr(now, name):
            yield f"its {name}"
    # More time may be given to a run that used up its own: that changes no trial.
    if replace(before.protocol, budget_s=None) != replace(now.protocol, budget_s=None):
        yield "its protocol"


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
