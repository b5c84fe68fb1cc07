"""When each row of a table was written, on one axis."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from llamawatt.core.errors import UsageError
from llamawatt.imports.clock_times import moment_of, seconds_since
from llamawatt.imports.left_out import LeftOut
from llamawatt.imports.table import Row, number_of

FIRST_EPOCH_S = 1e8
"""Smaller numbers are seconds since a start of their own, larger ones since 1970."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Rows with their times.

    Attributes:
        rows: The rows that have a time.
        t_s: Seconds since the first, one for each row.
        started_at: When the first was written; None if untold.
        whole_seconds: Whether no time has a fraction of a second.
        notes: What was taken for granted.
        is_assumed: Whether the log has no times of its own.
    """

    rows: tuple[Row, ...]
    t_s: tuple[float, ...]
    started_at: datetime | None
    whole_seconds: bool
    notes: tuple[str, ...] = ()
    is_assumed: bool = False


def by_column(rows: Sequence[Row], column: str, left_out: LeftOut) -> Timeline:
    """Return rows with the times in a column: dates with times, or seconds since a start.

    Raises:
        UsageError: times with and without an offset are mixed.
    """
    numbers = [number_of(row.text(column)) for row in rows]
    told = [number for number in numbers if number is not None]
    if told and max(told) < FIRST_EPOCH_S and len(told) > len(rows) / 2:
        return _by_seconds(rows, numbers, column, left_out)
    return by_moment(rows, lambda row: moment_of(row.text(column)), left_out, column)


def by_moment(
    rows: Sequence[Row],
    moment: Callable[[Row], datetime | None],
    left_out: LeftOut,
    column: str = "",
) -> Timeline:
    """Return rows with the times that a function finds in them.

    Raises:
        UsageError: times with and without an offset are mixed.
    """
    found: list[tuple[Row, datetime]] = []
    for row in rows:
        at = moment(row)
        if at is None:
            said = f"{row.text(column)[:30]!r} is no date and time" if column else "no time"
            left_out.add(row.number, said)
        else:
            found.append((row, at))
    if not found:
        return Timeline((), (), None, whole_seconds=False)
    first = found[0][1]
    t_s = tuple(seconds_since(first, at, row) for row, at in found)
    whole = all(at.microsecond == 0 for _, at in found)
    return Timeline(tuple(row for row, _ in found), t_s, first, whole)


def by_interval(
    rows: Sequence[Row], interval_s: float | None, device: Callable[[Row], object]
) -> Timeline:
    """Return rows of a log without times, an interval apart for each device.

    Args:
        rows: The rows.
        interval_s: Time between two readings of one device.
        device: Tells which device a row is of.

    Raises:
        UsageError: no interval was named.
    """
    if interval_s is None:
        where = rows[0].path if rows else "The log"
        raise UsageError(
            f"{where} has no times.",
            "Name the time between its samples, as --interval 1s; next time log a timestamp too.",
        )
    counts: dict[object, int] = {}
    t_s = []
    for row in rows:
        key = device(row)
        t_s.append(counts.get(key, 0) * interval_s)
        counts[key] = counts.get(key, 0) + 1
    note = f"The log has no times; its samples are taken to be {interval_s:g} s apart, as named."
    return Timeline(tuple(rows), tuple(t_s), None, False, (note,), is_assumed=True)


def _by_seconds(
    rows: Sequence[Row], numbers: Sequence[float | None], column: str, left_out: LeftOut
) -> Timeline:
    found = []
    for row, number in zip(rows, numbers, strict=True):
        if number is None:
            left_out.add(row.number, f"{row.text(column)[:30]!r} is no time")
        else:
            found.append((row, number))
    first_s = found[0][1]
    t_s = tuple(number - first_s for _, number in found)
    whole = all(number == int(number) for _, number in found)
    return Timeline(tuple(row for row, _ in found), t_s, None, whole)
