"""The run directory: the one thing that passes between measuring and telling.

```
study.yaml     the study as resolved on this machine
machine.json   hardware, versions, meters and their calibration
trials.jsonl   one fsynced line per finished trial, append-only
events.jsonl   stops, retries, warnings, append-only
quality.json   what the models' bits cost in quality, where that was judged
traces/        raw samples, one parquet file per trial
report/        made from the above, at any time
```
"""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import BaseFileLock

from llamawatt.core.errors import RunDirectoryError, UsageError
from llamawatt.core.machine import MachineRecord
from llamawatt.core.plan import QualityRecord, RunEvent, StudyRecord
from llamawatt.core.trials import TrialRecord
from llamawatt.runs import schema
from llamawatt.runs.journal import Journal, pieces, write_whole
from llamawatt.runs.lock import lock_run
from llamawatt.runs.quality import read_quality, write_quality

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

STUDY_FILE = "study.yaml"
MACHINE_FILE = "machine.json"
TRIALS_FILE = "trials.jsonl"
EVENTS_FILE = "events.jsonl"
TRACES_FOLDER = "traces"


@dataclass(frozen=True, slots=True)
class Run:
    """A run directory, read.

    Attributes:
        path: The directory.
        study: What it set out to do.
        machine: Where it ran.
        trials: Finished trials in the order of execution.
        events: What else happened.
        warnings: What the reader had to leave out, in words.
        quality: How the models were judged; empty where they were not.
    """

    path: Path
    study: StudyRecord
    machine: MachineRecord
    trials: tuple[TrialRecord, ...]
    events: tuple[RunEvent, ...] = ()
    warnings: tuple[str, ...] = ()
    quality: tuple[QualityRecord, ...] = ()

    def to_arrow(self) -> "pa.Table":
        """Return the trials as a pyarrow table, a row per trial (columns: `runs/table.py`)."""
        from llamawatt.runs.table import trials_table  # noqa: PLC0415  (pyarrow takes a while)

        return trials_table(self)

    def to_pandas(self) -> "pd.DataFrame":
        """Return the trials as a pandas frame, with the same columns.

        Raises:
            UsageError: pandas is not installed.
        """
        try:
            frame: pd.DataFrame = self.to_arrow().to_pandas()
        except ModuleNotFoundError as error:
            raise UsageError(
                "pandas is not installed.", "pip install pandas, or use to_arrow()."
            ) from error
        return frame


class RunWriter:
    """The only writer of a run directory while it is open.

    Use `create` or `resume`; both take the lock and `close` lets it go.
    """

    def __init__(self, path: Path, lock: BaseFileLock) -> None:
        self.path = path
        self._lock = lock
        self._trials = Journal(path / TRIALS_FILE)
        self._events = Journal(path / EVENTS_FILE)

    @classmethod
    def create(cls, path: Path, study: StudyRecord, machine: MachineRecord) -> "RunWriter":
        """Make a new run directory.

        Raises:
            RunDirectoryError: it holds a run already, is locked, or cannot be written.
        """
        try:
            (path / TRACES_FOLDER).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunDirectoryError(
                f"Could not make {path} ({error.strerror or error}).",
                "Choose another directory with --out.",
            ) from error
        lock = lock_run(path)
        if (path / STUDY_FILE).exists():
            lock.release()
            raise RunDirectoryError(
                f"{path} already holds a run.", "Go on with --resume, or choose another --out."
            )
        write_whole(path / MACHINE_FILE, schema.to_json(machine))
        write_whole(path / STUDY_FILE, schema.to_yaml(study).encode())
        return cls(path, lock)

    @classmethod
    def resume(cls, path: Path) -> tuple["RunWriter", Run]:
        """Open an unfinished run to go on with it.

        Raises:
            RunDirectoryError: it holds no run, is locked, or is of a newer schema.
        """
        require_run(path)
        lock = lock_run(path)
        try:
            writer = cls(path, lock)
            return writer, read_run(path)
        except RunDirectoryError:
            lock.release()
            raise

    def append_trial(self, trial: TrialRecord) -> None:
        """Write one finished trial; it is on the disk when this returns."""
        self._trials.append(schema.to_line(trial))

    def append_event(self, event: RunEvent) -> None:
        """Write one event; it is on the disk when this returns."""
        self._events.append(schema.to_line(event))

    def set_study(self, study: StudyRecord) -> None:
        """Write what the run sets out to do, over what was there: a search adds arms as it goes."""
        write_whole(self.path / STUDY_FILE, schema.to_yaml(study).encode())

    def set_quality(self, records: Sequence[QualityRecord]) -> None:
        """Write how the models were judged, over what was there."""
        write_quality(self.path, records)

    def close(self) -> None:
        """Close the files and let go of the lock."""
        self._trials.close()
        self._events.close()
        self._lock.release()


def require_run(path: Path) -> None:
    """Check that a path holds a run.

    Raises:
        RunDirectoryError: it does not exist or holds none.
    """
    if not path.is_dir():
        raise RunDirectoryError(f"{path} is not a directory.", "Name a run directory.")
    if not (path / STUDY_FILE).is_file():
        raise RunDirectoryError(
            f"{path} holds no run: {STUDY_FILE} is missing.", "Name a run directory."
        )


def read_run(path: Path) -> Run:
    """Read a run directory, finished or not, without touching it.

    Raises:
        RunDirectoryError: it holds no run, is of a newer schema, or a line in it is broken.
    """
    head = read_head(path)
    warnings: list[str] = []
    with no_collection():
        trials = tuple(read_trials(path, warnings))
    return replace(head, trials=trials, warnings=(*warnings, *head.warnings))


def read_head(path: Path) -> Run:
    """Read a run directory without its trials.

    Raises:
        RunDirectoryError: it holds no run, is of a newer schema, or what is read is broken.
    """
    require_run(path)
    warnings: list[str] = []
    file = path / EVENTS_FILE
    return Run(
        path=path,
        study=schema.read_study(path / STUDY_FILE),
        machine=schema.read_record(path / MACHINE_FILE, MachineRecord),
        trials=(),
        events=tuple(
            event
            for number, piece in pieces(file, warnings)
            for event in schema.parse_lines(RunEvent, piece, number, str(file))
        ),
        quality=read_quality(path),
        warnings=tuple(warnings),
    )


def read_trials(path: Path, warnings: list[str]) -> Iterator[TrialRecord]:
    """Return the trials of a run directory one by one, so that a long run needs little memory.

    Args:
        path: The directory.
        warnings: Gets a sentence if the last line was torn off by a kill.

    Raises:
        RunDirectoryError: a line is broken or of a newer schema.
    """
    file = path / TRIALS_FILE
    return chain.from_iterable(
        schema.parse_trials(piece, number, str(file)) for number, piece in pieces(file, warnings)
    )


@contextmanager
def no_collection() -> Iterator[None]:
    """Hold the garbage collector off while many objects are made (it halves the reading speed)."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
