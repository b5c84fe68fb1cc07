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
            f"The run cannot be resumed: {unlike[0]} differ from what was asked for now.",
            "Give the same options as before, or start a new run with --out.",
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
