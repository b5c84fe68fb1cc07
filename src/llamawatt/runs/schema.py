"""How records become bytes and back: JSON lines, and YAML for the study.

Whatever a file holds, reading it ends in a record or in a `RunDirectoryError` that names the file,
the line and the field.
"""

import numbers
import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml
from pydantic import TypeAdapter, ValidationError

from llamawatt.core.errors import RunDirectoryError
from llamawatt.core.plan import StudyRecord
from llamawatt.core.trials import SCHEMA, Status, TrialRecord
from llamawatt.runs.journal import read_whole

T = TypeVar("T")

STUDY = TypeAdapter(StudyRecord)

MOST_STUDY_BYTES = 4 << 20
"""A study is refused beyond this: YAML is slow to read."""

REMEDY = "Copy the run directory, then mend or remove what is broken."

MOST_COUNT = 2**53
"""Counts of tokens and places are refused beyond this: a float cannot hold them."""

_PLACE = re.compile(r"^(?P<what>.*) - at `\$\.?(?P<place>.*)`$", re.DOTALL)


class _Versioned(msgspec.Struct):
    schema: int


class _PlainLoader(yaml.SafeLoader):
    """Reads YAML without aliases: a few of them can stand for billions of values."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases are not read here", problem_mark=mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        return node


def to_line(record: object) -> bytes:
    """Return one record as one JSON line, newline included."""
    return msgspec.json.encode(record, enc_hook=_plain) + b"\n"


def to_json(record: object) -> bytes:
    """Return one record as indented JSON."""
    return msgspec.json.format(to_line(record), indent=1) + b"\n"


def to_yaml(record: StudyRecord) -> str:
    """Return a study as YAML, in the order of its fields."""
    return yaml.safe_dump(
        STUDY.dump_python(record, mode="json"), sort_keys=False, allow_unicode=True, width=100
    )


def read_study(path: Path) -> StudyRecord:
    """Read a study back.

    Raises:
        RunDirectoryError: the file cannot be read, is no study, or of a newer schema.
    """
    data = read_whole(path, MOST_STUDY_BYTES)
    try:
        # The loader is a safe one, and takes less than `yaml.safe_load` does.
        raw = yaml.load(data.decode("utf-8"), _PlainLoader)  # noqa: S506
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # ValueError: no UTF-8, or no such date
        raise RunDirectoryError(f"{path} is not valid YAML ({_one_line(error)}).") from error
    check_schema(raw, str(path))
    try:
        return STUDY.validate_python(raw)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in detail["loc"])
        raise RunDirectoryError(f"{path} does not hold ({place}: {detail['msg']}).") from error


def read_record(path: Path, kind: type[T]) -> T:
    """Read a JSON file that is one record.

    Raises:
        RunDirectoryError: the file cannot be read, or holds no such record.
    """
    return parse(kind, read_whole(path), str(path))


def parse(kind: type[T], data: bytes, where: str) -> T:
    """Parse one record from JSON.

    Args:
        kind: The record's class.
        data: The JSON.
        where: File, and line if it has many, for the error.

    Raises:
        RunDirectoryError: it is no such record, or of a newer schema.
    """
    try:
        return _decoder(kind).decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        _refuse_newer_line(data, where)
        raise RunDirectoryError(
            f"{where}: {_fault(error)}.",
            REMEDY,
        ) from error


def parse_lines(kind: type[T], data: bytes, number: int, where: str) -> list[T]:
    """Parse whole lines of JSON, one record each; blank lines hold none.

    Args:
        kind: The records' class.
        data: The lines.
        number: Number of the first of them.
        where: The file, for the error.

    Raises:
        RunDirectoryError: a line is no such record, or of a newer schema.
    """
    try:
        return _decoder(kind).decode_lines(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # All at once is fast; one by one finds the line.
        listed = enumerate(data.split(b"\n"), number)
        return [parse(kind, line, f"{where}:{n}") for n, line in listed if line.strip()]


def parse_trials(data: bytes, number: int, where: str) -> list[TrialRecord]:
    """Parse whole lines of `trials.jsonl`.

    Raises:
        RunDirectoryError: a line is no trial, is of a newer schema, or counts what nobody counts.
    """
    trials = parse_lines(TrialRecord, data, number, where)
    if all(_is_possible(trial) for trial in trials):
        return trials
    listed = enumerate(data.split(b"\n"), number)
    for n, line in ((n, line) for n, line in listed if line.strip()):
        trial = parse(TrialRecord, line, f"{where}:{n}")
        refuse_newer(trial.schema, f"{where}:{n}")
        if not _is_possible(trial):
            raise RunDirectoryError(
                f"{where}:{n}: its order, window, requests or tokens are not possible.",
                REMEDY,
            )
    return trials


def _is_possible(trial: TrialRecord) -> bool:
    return (
        trial.schema <= SCHEMA
        and 0 <= trial.block <= MOST_COUNT
        and 0 <= trial.order <= MOST_COUNT
        and trial.window.duration_s >= 0
        and (trial.status is Status.FAILED or trial.window.duration_s > 0 < len(trial.requests))
        and not [r for r in trial.requests if not 0 <= r.n_prompt <= MOST_COUNT]
        and not [r for r in trial.requests if not 0 <= r.n_generated <= MOST_COUNT]
    )


def check_schema(raw: object, where: str) -> None:
    """Refuse records of a newer schema.

    Raises:
        RunDirectoryError: `raw` is not a mapping with a schema that this version can read.
    """
    version = raw.get("schema") if isinstance(raw, dict) else None
    if not isinstance(version, int):
        raise RunDirectoryError(f"{where} is not a llamawatt record: it names no schema.")
    refuse_newer(version, where)


def refuse_newer(version: int, where: str) -> None:
    """Refuse a newer schema.

    Raises:
        RunDirectoryError: this version cannot read it.
    """
    if version > SCHEMA:
        raise RunDirectoryError(
            f"{where} has schema {version}; this llamawatt reads up to {SCHEMA}.",
            "Upgrade llamawatt to read it.",
        )


_DECODERS: dict[type, msgspec.json.Decoder[Any]] = {}


def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    if kind not in _DECODERS:
        _DECODERS[kind] = msgspec.json.Decoder(kind)
    return _DECODERS[kind]


def _plain(value: object) -> int | float:
    """Numbers of numpy are numbers of their own."""
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    raise NotImplementedError(type(value))


def _refuse_newer_line(data: bytes, where: str) -> None:
    """A newer record may have other fields: then its schema says more than what is missing."""
    try:
        version = _decoder(_Versioned).decode(data).schema
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    refuse_newer(version, where)


def _fault(error: Exception) -> str:
    """Return what is wrong and in which field, as `block: Expected int, got str`."""
    if isinstance(error, RecursionError):
        return "nested deeper than any record is"
    text = _one_line(error).replace("`", "")
    if not isinstance(error, msgspec.ValidationError):
        return f"not valid JSON ({text})"
    found = _PLACE.match(_one_line(error))
    if found is None:
        return text
    what = found["what"].replace("`", "")
    return f"{found['place']}: {what}" if found["place"] else what


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
