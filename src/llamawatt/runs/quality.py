"""`quality.json`: how well the models of a run predict a text. Written whole, once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llamawatt.core.plan import QualityRecord
from llamawatt.core.trials import SCHEMA
from llamawatt.runs import schema
from llamawatt.runs.journal import write_whole

QUALITY_FILE = "quality.json"


@dataclass(frozen=True, slots=True)
class _Judged:
    schema: int
    models: tuple[QualityRecord, ...]


def write_quality(path: Path, records: Sequence[QualityRecord]) -> None:
    """Write what was judged into a run directory, over what was there.

    Raises:
        RunDirectoryError: it could not be written; what was there stays.
    """
    write_whole(path / QUALITY_FILE, schema.to_json(_Judged(SCHEMA, tuple(records))))


def read_quality(path: Path) -> tuple[QualityRecord, ...]:
    """Read what was judged from a run directory; nothing where nothing was judged.

    Raises:
        RunDirectoryError: the file is broken, of a newer schema, or cannot be read.
    """
    file = path / QUALITY_FILE
    if not file.exists():
        return ()
    judged = schema.read_record(file, _Judged)
    schema.refuse_newer(judged.schema, str(file))
    return judged.models
