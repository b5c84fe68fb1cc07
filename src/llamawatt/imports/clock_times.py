"""Times of day and dates in other tools' logs."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from llamawatt.core.errors import UsageError
from llamawatt.imports.table import Row, number_of

DAY_S = 86400.0
_TIME_OF_DAY = re.compile(
    r"(\d{1,2}):(\d{2}):(\d{2})(?:([:.,])(\d{1,9}))?(?:\s*([AaPp])\.?[Mm]\.?)?"
)
_STAMPS = (
    re.compile(r"(\d{4})(\d{2})(\d{2})[_T-](\d{2})(\d{2})(\d{2})"),
    re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})[-_T ](\d{1,2})-(\d{1,2})-(\d{1,2})"),
)
_DATE = re.compile(r"(\d{1,4})([-./])(\d{1,2})\2(\d{1,4})\.?")
_EPOCH_SCALES = ((1e17, 1e-9), (1e14, 1e-6), (1e11, 1e-3), (1e8, 1.0))
"""Counts since 1970 from which on they are in nano-, micro-, milliseconds and seconds."""
_CTIME = "%a %b %d %H:%M:%S %Y"
_CTIME_ZONED = "%a %b %d %H:%M:%S %Y %z"
_DAY_FIRST_MARK = "."
"""Dates with points are written day first everywhere."""


def of_day_s(text: str) -> float | None:
    """Return seconds since midnight; None if the text is no time of day.

    Behind a third colon stand milliseconds, padded or not (`:5` is 5 ms); behind a point or comma
    stands a fraction.
    """
    match = _TIME_OF_DAY.fullmatch(text.strip())
    if match is None:
        return None
    hour, minute, second = (int(part) for part in match.groups()[:3])
    mark, digits, half = match.groups()[3:]
    if half:
        hour = hour % 12 + (12 if half in "Pp" else 0)
    if hour >= 24 or minute >= 60 or second > 60:
        return None
    below_s = 0.0
    if digits:
        is_ms = mark == ":" and len(digits) <= 3
        below_s = int(digits) / 1000 if is_ms else float(f"0.{digits}")
    return 3600.0 * hour + 60 * minute + second + below_s


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
            midnight = stamp.replace(hour=0, minute=0, second=0)
            days = [midnight + timedelta(days=n, seconds=of_day_s) for n in (-1, 0, 1)]
        except (ValueError, OverflowError):
            continue
        return min(days, key=lambda moment: abs(moment - stamp))
    return None


def moment(row: Row, column: str) -> datetime:
    """Return a date and time in any form that `moment_of` knows.

    Raises:
        UsageError: it is none of them.
    """
    text = row.text(column)
    found = moment_of(text)
    if found is None:
        raise UsageError(
            f"{row.where} holds {text!r}, which is no date and time.",
            "Write times as 2025-12-08T01:05:35.690.",
        )
    return found


def moment_of(text: str, *, month_first: bool | None = None) -> datetime | None:
    """Return a date and time; None if the text is none.

    Known are ISO 8601, what nvidia-smi writes (`2025/12/08 01:05:35.690`), dates with the day or
    month first, what `date` and `ctime` write, and seconds, milli-, micro- or nanoseconds since
    1970.

    Args:
        text: The text.
        month_first: Whether `12-08-2025` has its month first; None leaves it to the separator
            and to which of the two can be a month.
    """
    text = text.strip()
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    return _dated(text, month_first) or _since_1970(text) or _ctime(text)


def day_of(text: str, *, month_first: bool | None = None) -> datetime | None:
    """Return the midnight at which a date begins; None if the text is no date."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    first, mark, second, third = match[1], match[2], int(match[3]), match[4]
    if len(first) == 4:
        year, month, day = int(first), second, int(third)
    else:
        year, one = int(third), int(first)
        if month_first is None:
            month_first = mark != _DAY_FIRST_MARK and one <= 12
        month, day = (one, second) if month_first else (second, one)
        year += 2000 if year < 100 else 0
    try:
        return datetime(year, month, day)
    except ValueError:
        return None


def _dated(text: str, month_first: bool | None) -> datetime | None:
    date, _, clock = text.replace("T", " ", 1).partition(" ")
    midnight = day_of(date, month_first=month_first)
    passed_s = of_day_s(clock)
    if midnight is None or passed_s is None:
        return None
    try:
        return midnight + timedelta(seconds=passed_s)
    except OverflowError:
        return None


def _since_1970(text: str) -> datetime | None:
    count = number_of(text)
    if count is None:
        return None
    scale = next((scale for least, scale in _EPOCH_SCALES if count >= least), None)
    if scale is None:
        return None
    try:
        return datetime.fromtimestamp(count * scale, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _ctime(text: str) -> datetime | None:
    for form in (_CTIME, _CTIME_ZONED):
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None


def seconds_since(first: datetime, then: datetime, row: Row) -> float:
    """Return the seconds between two moments.

    Raises:
        UsageError: one of them has a time zone and the other has none.
    """
    if (first.tzinfo is None) != (then.tzinfo is None):
        raise UsageError(f"{row.where} mixes times with and without an offset.", "Mend the file.")
    return (then - first).total_seconds()
