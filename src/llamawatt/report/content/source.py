"""What a report is made from: a run in records, or a large one in columns."""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from llamawatt.core.plan import QualityRecord, RunEvent
from llamawatt.core.trials import Purpose, Status, TrialRecord
from llamawatt.runs import schema
from llamawatt.runs.journal import read_lines
from llamawatt.runs.quality import read_quality
from llamawatt.runs.store import (
    EVENTS_FILE,
    MACHINE_FILE,
    STUDY_FILE,
    TRIALS_FILE,
    Run,
    read_run,
    require_run,
)

if TYPE_CHECKING:  # its statistics are imported while a large run is read
    from llamawatt.analysis.assess import Assessment

LARGE_BYTES = 48 << 20
"""Trial files beyond this are read as columns: records would take gigabytes."""

_N_CANDIDATES = 8


@dataclass(frozen=True, slots=True)
class Source:
    """A run, analysed, with what else the report tells.

    Attributes:
        path: The run directory.
        assessment: Its analysis.
        events: What else happened.
        warnings: What the reader had to leave out.
        first_trials: Returns the first finished suite trials of an arm, a few.
        quality: How the models were judged.
    """

    path: Path
    assessment: "Assessment"
    events: tuple[RunEvent, ...]
    warnings: tuple[str, ...]
    first_trials: Callable[[str], Iterable[TrialRecord]]
    quality: tuple[QualityRecord, ...] = ()


def source_of(run: Run) -> Source:
    """Analyse a run that has been read."""
    from llamawatt.analysis.assess import assess  # noqa: PLC0415

    def first_trials(arm: str) -> Iterable[TrialRecord]:
        fitting = (trial for trial in run.trials if _fits(trial, arm))
        return islice(fitting, _N_CANDIDATES)

    assessment = assess(run.study, run.machine, run.trials)
    return Source(run.path, assessment, run.events, run.warnings, first_trials, run.quality)


def source_at(path: Path) -> Source:
    """Read and analyse a run, as columns if it is large.

    Raises:
        RunDirectoryError: it holds no run, is of a newer schema, or a line in it is broken.
    """
    require_run(path)
    trials = path / TRIALS_FILE
    if not trials.exists() or trials.stat().st_size <= LARGE_BYTES:
        return source_of(read_run(path))
    return large_source(path)


def large_source(path: Path) -> Source:
    """Read a run as columns and analyse it.

    Raises:
        RunDirectoryError: it is of a newer schema, or a line in it is broken.
    """
    from llamawatt.runs.columns import read_columns, torn_warning  # noqa: PLC0415  # needs pyarrow

    study = schema.parse_yaml((path / STUDY_FILE).read_text("utf-8"), str(path / STUDY_FILE))
    machine = schema.parse_machine((path / MACHINE_FILE).read_bytes(), str(path / MACHINE_FILE))
    with ThreadPoolExecutor(1) as pool:
        # Statistics and drawing take a second to import; the trials are read meanwhile.
        pool.submit(import_module, "llamawatt.report.forms.render")
        table = read_columns(path, [domain.name for domain in machine.domains])
    from llamawatt.analysis.assess_columns import assess_columns  # noqa: PLC0415

    newest = max((chunk.to_numpy().max() for chunk in table["schema"].chunks), default=0)
    schema.check_schema({"schema": int(newest)}, str(path / TRIALS_FILE))
    event_lines, torn_event = read_lines(path / EVENTS_FILE)
    events = tuple(schema.EVENT.validate_json(line) for line in event_lines)

    def first_trials(arm: str) -> Iterable[TrialRecord]:
        return islice(_scan(path / TRIALS_FILE, arm), _N_CANDIDATES)

    assessment = assess_columns(study, machine, table)
    warnings = tuple(word for word in (torn_warning(path), torn_event) if word)
    return Source(path, assessment, events, warnings, first_trials, read_quality(path))


def _scan(path: Path, arm: str) -> Iterable[TrialRecord]:
    """Read trials of an arm from the start of the file, as far as they are asked for."""
    needle = f'"arm":{json.dumps(arm, ensure_ascii=False)}'.encode()
    with path.open("rb") as file:
        for line in file:
            if needle in line and line.endswith(b"\n"):
                trial = schema.TRIAL.validate_json(line)
                if _fits(trial, arm):
                    yield trial


def _fits(trial: TrialRecord, arm: str) -> bool:
    return trial.arm == arm and trial.purpose is Purpose.SUITE and trial.status is Status.OK
