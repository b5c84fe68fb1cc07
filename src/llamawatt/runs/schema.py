"""How records become bytes and back: JSON lines, and YAML for the study."""

from typing import TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from llamawatt.core.errors import RunDirectoryError
from llamawatt.core.machine import MachineRecord
from llamawatt.core.plan import RunEvent, StudyRecord
from llamawatt.core.trials import SCHEMA, TrialRecord

T = TypeVar("T")

STUDY = TypeAdapter(StudyRecord)
MACHINE = TypeAdapter(MachineRecord)
TRIAL = TypeAdapter(TrialRecord)
TRIALS = TypeAdapter(tuple[TrialRecord, ...])
EVENT = TypeAdapter(RunEvent)


def to_line(adapter: TypeAdapter[T], record: T) -> bytes:
    """Return one record as one JSON line, newline included."""
    return adapter.dump_json(record) + b"\n"


def to_yaml(record: StudyRecord) -> str:
    """Return a study as YAML, in the order of its fields."""
    return yaml.safe_dump(
        STUDY.dump_python(record, mode="json"), sort_keys=False, allow_unicode=True, width=100
    )


def parse_yaml(text: str | bytes, where: str) -> StudyRecord:
    """Read a study back.

    Raises:
        RunDirectoryError: the text is no study, or of a newer schema.
    """
    try:
        raw = yaml.safe_load(text if isinstance(text, str) else text.decode("utf-8"))
    except (yaml.YAMLError, ValueError) as error:  # ValueError: no UTF-8, or no such date
        raise RunDirectoryError(f"{where} is not valid YAML ({error}).") from error
    check_schema(raw, where)
    return _validated(STUDY, raw, where)


def parse_machine(text: bytes, where: str) -> MachineRecord:
    """Read a machine record back.

    Raises:
        RunDirectoryError: the text is no machine record.
    """
    try:
        return MACHINE.validate_json(text)
    except ValidationError as error:
        raise RunDirectoryError(
            f"{where} is not a machine record ({first_fault(error)})."
        ) from error


def check_schema(raw: object, where: str) -> None:
    """Refuse records of a newer schema.

    Raises:
        RunDirectoryError: `raw` is not a mapping with a schema this version can read.
    """
    version = raw.get("schema") if isinstance(raw, dict) else None
    if not isinstance(version, int):
        raise RunDirectoryError(f"{where} is not a llamawatt record: it names no schema.")
    if version > SCHEMA:
        raise RunDirectoryError(
            f"{where} has schema {version}; this llamawatt reads up to {SCHEMA}.",
            "Upgrade llamawatt to read it.",
        )


def _validated(adapter: TypeAdapter[T], raw: object, where: str) -> T:
    try:
        return adapter.validate_python(raw)
    except ValidationError as error:
        raise RunDirectoryError(f"{where} does not hold ({first_fault(error)}).") from error


def first_fault(error: ValidationError) -> str:
    """Return the first fault that was found, with its place."""
    detail = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in detail["loc"])
    return f"{place}: {detail['msg']}" if place else detail["msg"]
