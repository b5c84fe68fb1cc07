"""What a report is made from: a run, analysed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from llamawatt.analysis.assess import Assessment, assess
from llamawatt.core.plan import QualityRecord, RunEvent
from llamawatt.core.settings import NOTHING_ASSUMED, Assumptions
from llamawatt.core.trials import Purpose, Status, TrialRecord
from llamawatt.runs.store import Run, no_collection, read_head, read_trials

_N_CANDIDATES = 8


@dataclass(frozen=True, slots=True)
class Source:
    """A run, analysed, with what else the report tells.

    Attributes:
        path: The run directory.
        assessment: Its analysis.
        events: What else happened.
        warnings: What the reader had to leave out.
        first_trials: The first finished suite trials of each arm, a few.
        quality: How the models were judged.
    """

    path: Path
    assessment: Assessment
    events: tuple[RunEvent, ...]
    warnings: tuple[str, ...]
    first_trials: Mapping[str, tuple[TrialRecord, ...]]
    quality: tuple[QualityRecord, ...] = ()


def source_of(run: Run, assumed: Assumptions = NOTHING_ASSUMED) -> Source:
    """Analyse a run that has been read.

    Args:
        run: The run.
        assumed: What metrics are worked out with besides.
    """
    return _source(run, run.trials, [], assumed)


def source_at(path: Path, assumed: Assumptions = NOTHING_ASSUMED) -> Source:
    """Read and analyse a run; its trials are read one by one, and none is kept.

    Raises:
        RunDirectoryError: it holds no run, is of a newer schema, or a line in it is broken.
    """
    head = read_head(path)
    torn: list[str] = []
    with no_collection():
        return _source(head, read_trials(path, torn), torn, assumed)


def _source(
    run: Run,
    trials: Iterable[TrialRecord],
    torn: list[str],
    assumed: Assumptions,
) -> Source:
    firsts: dict[str, list[TrialRecord]] = {}

    def passing() -> Iterable[TrialRecord]:
        for trial in trials:
            if trial.purpose is Purpose.SUITE and trial.status is Status.OK:
                found = firsts.setdefault(trial.arm, [])
                if len(found) < _N_CANDIDATES:
                    found.append(trial)
            yield trial

    assessment = assess(run.study, run.machine, passing(), assumed)
    return Source(
        path=run.path,
        assessment=assessment,
        events=run.events,
        warnings=(*torn, *run.warnings),
        first_trials={arm: tuple(found) for arm, found in firsts.items()},
        quality=run.quality,
    )
