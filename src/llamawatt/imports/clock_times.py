"""Times of day and dates in other tools' logs."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from llamawatt.core.errors import UsageError
from llamawatt.imports.csv_text import Row, finite

DAY_S = 86400.0
_TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})[:.,](\d{1,6})")
_STAMPS = (
    re.compile(r"(\d{4})(\d{2})(\d{2})[_T-](\d{2})(\d{2})(\d{2})"),
    re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})[-_T ](\d{1,2})-(\d{1,2})-(\d{1,2})"),
)
_SLASHED = "%Y/%m/%d %H:%M:%S.%f"
"""How nvidia-smi writes a time."""


def time_of_day_s(row: Row, column: str) -> float:
    """Return seconds since midnight from `HH:MM:SS:mmm`.

    Raises:
        UsageError: it is no time of day.
    """
    text = row.text(column)
    match = _TIME_OF_DAY.fullmatch(text)
    if match is not None:
        hour, minute, second = (int(part) for part in match.groups()[:3])
        if hour < 24 and minute < 60 and second < 60:
            return 3600.0 * hour + 60 * minute + second + float(f"0.{match[4]}")
    raise UsageError(f"{row.where} holds {text!r}, which is no time of day.", "Mend the file.")


def past_midnight(of_day_s: Sequence[float]) -> list[float]:
    """Return rising seconds from times of day that may pass midnight.

    A step back by more than half a day is a midnight; a smaller one is left as it is.
    """
    days = 0
    found = [of_day_s[0]]
    for before_s, now_s in pairwise(of_day_s):
        days += before_s - now_s > DAY_S / 2
        found.append(now_s + days * DAY_S)
    return found


def date_by_name(path: Path, of_day_s: float) -> datetime | None:
    """Return when a time of day was, by the date and time in a file's name; None without one.

    A log that was begun before midnight and named after it belongs to the day before: the day is
    taken that brings both closest together.
    """
    for pattern in _STAMPS:
        match = pattern.search(path.stem)
        if match is None:
            continue
        year, month, day, hour, minute, second = (int(part) for part in match.groups())
        try:
            stamp = datetime(year, month, day, hour, minute, second)
        except ValueError:
            continue
        midnight = stamp.replace(hour=0, minute=0, second=0)
        days = [midnight + timedelta(days=n, seconds=of_day_s) for n in (-1, 0, 1)]
        return min(days, key=lambda moment: abs(moment - stamp))
    return None


def moment(row: Row, column: str) -> datetime:
    """Return a date and time: ISO 8601, as nvidia-smi writes it, or seconds since 1970.

    Raises:
        UsageError: it is none of them.
    """
    text = row.text(column)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        return datetime.strptime(text, _SLASHED)
    except ValueError:
        pass
    try:
        return datetime.fromtimestamp(finite(text, row.where), UTC)
    except (UsageError, OverflowError, OSError, ValueError) as error:
        raise UsageError(
            f"{row.where} holds {text!r}, which is no date and time.",
            "Write times as 2025-12-08T01:05:35.690.",
        ) from error


def seconds_since(first: datetime, then: datetime, row: Row) -> float:
    """Return the seconds between two moments.

    Raises:
        UsageError: one of them has a time zone and the other has none.
    """
    if (first.tzinfo is None) != (then.tzinfo is None):
        raise UsageError(f"{row.where} mixes times with and without an offset.", "Mend the file.")
    return (then - first).total_seconds()
