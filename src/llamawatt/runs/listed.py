"""What a list of run directories shows of each, without judging or reporting on it."""

from dataclasses import dataclass
from pathlib import Path

from llamawatt.core.errors import RunDirectoryError
from llamawatt.core.trials import Status
from llamawatt.runs.named import run_paths
from llamawatt.runs.store import read_run


@dataclass(frozen=True, slots=True)
class ListedRun:
    """One run directory in a list.

    Attributes:
        path: The directory.
        study: Name of the study; empty where the run cannot be read.
        models: Names of the models.
        machine: Processor and graphics cards, in words.
        created_at: UTC, ISO 8601.
        n_trials: Finished trials, the failed ones included; None where the run cannot be read.
        n_failed: Failed ones among them; None likewise.
        problem: Why it cannot be read; empty otherwise.
    """

    path: Path
    study: str = ""
    models: tuple[str, ...] = ()
    machine: str = ""
    created_at: str = ""
    n_trials: int | None = None
    n_failed: int | None = None
    problem: str = ""


def list_runs(folder: Path = Path()) -> tuple[ListedRun, ...]:
    """Return the run directories in a folder and in its `llamawatt-runs`, the newest first.

    One that cannot be read is listed too, with the reason.
    """
    return tuple(_listed(path) for path in run_paths(folder))


def _listed(path: Path) -> ListedRun:
    try:
        run = read_run(path)
    except RunDirectoryError as error:
        return ListedRun(path, problem=error.what)
    gpus = dict.fromkeys(gpu.name for gpu in run.machine.gpus)
    return ListedRun(
        path=path,
        study=run.study.name,
        models=tuple(model.name for model in run.study.models),
        machine=", ".join((run.machine.cpu, *gpus)),
        created_at=run.study.created_at,
        n_trials=len(run.trials),
        n_failed=sum(trial.status is not Status.OK for trial in run.trials),
    )
