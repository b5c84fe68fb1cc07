"""`quality.json`: how well the models of a run predict a text. Written whole, once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from llamawatt.core.errors import RunDirectoryError
from llamawatt.core.plan import QualityRecord
from llamawatt.core.trials import SCHEMA
from llamawatt.runs import schema
from llamawatt.runs.journal import parse_objects, write_whole

QUALITY_FILE = "quality.json"


@dataclass(frozen=True, slots=True)
class _Judged:
    schema: int
    models: tuple[QualityRecord, ...]


_FILE = TypeAdapter(_Judged)


def write_quality(path: Path, records: Sequence[QualityRecord]) -> None:
    """Write what was judged into a run directory, over what was there.

    Raises:
        RunDirectoryError: it could not be written; what was there stays.
    """
    data = _FILE.dump_json(_Judged(SCHEMA, tuple(records)), indent=1)
    write_whole(path / QUALITY_FILE, data + b"\n")


def read_quality(path: Path) -> tuple[QualityRecord, ...]:
    """Read what was judged from a run directory; nothing where nothing was judged.

    Raises:
        RunDirectoryError: the file is broken, of a newer schema, or cannot be read.
    """
    file = path / QUALITY_FILE
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise RunDirectoryError(f"Could not read {file} ({error.strerror or error}).") from error
    (raw,) = parse_objects([data], str(file))
    schema.check_schema(raw, str(file))
    try:
        return _FILE.validate_json(data).models
    except ValidationError as error:
        raise RunDirectoryError(
            f"{file} does not hold ({schema.first_fault(error)}).",
            "Remove it; --resume judges again.",
        ) from error
