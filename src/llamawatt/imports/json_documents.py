"""JSON as tools write it into logs: one document, many one behind the other, the last one cut."""

import json
import math

from llamawatt.imports.left_out import LeftOut
from llamawatt.imports.text_file import TextFile


def documents(file: TextFile, left_out: LeftOut) -> list[object]:
    """Return every whole document of a file; text between them is skipped.

    Args:
        file: The file.
        left_out: Where a broken document is counted, by its number.
    """
    decoder = json.JSONDecoder()
    text, place = file.text, 0
    found: list[object] = []
    while (start := _next_start(text, place)) is not None:
        try:
            value, place = decoder.raw_decode(text, start)
        except (json.JSONDecodeError, RecursionError):
            left_out.add(text.count("\n", 0, start) + 1, "a broken JSON document begins here")
            line_end = text.find("\n", start)
            if line_end < 0:
                break
            place = line_end + 1
            continue
        found.append(value)
    return found


def begins_as_json(file: TextFile) -> bool:
    """Tell whether a file's first line begins a JSON document."""
    head = file.head(1)
    return bool(head) and head[0].lstrip()[:1] in {"{", "["}


def _next_start(text: str, place: int) -> int | None:
    starts = [at for mark in "{[" if (at := text.find(mark, place)) >= 0]
    return min(starts, default=None)


def number_at(value: object, *path: str) -> float | None:
    """Return a number somewhere in a document, also as text or as `{"value": …}`."""
    for part in path:
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    if isinstance(value, dict):
        value = value.get("value")
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
