"""Tables in logs: a header somewhere near the top, rows below it, and whatever lies between."""

import csv
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from llamawatt.core.errors import UsageError
from llamawatt.imports.left_out import LeftOut
from llamawatt.imports.text_file import TextFile

DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d{3}(?:,|\s|$))")
"""A comma between digits, right before three of them and no space: a decimal sign. Tools that pad
their numbers put a space behind a comma that separates."""
SEPARATORS = (",", ";", "\t")
MISSING = frozenset({
    "", "-", "--", "n/a", "[n/a]", "na", "nan", "none", "null", "inf", "-inf", "unknown",
    "unavailable", "[not supported]", "not supported", "[unknown error]", "unknown error", "err!",
    "[gpu requires reset]", "[insufficient permissions]", "<not counted>", "<not supported>",
})  # fmt: skip
"""What tools write where they have no figure."""
_NUMBER = re.compile(r"[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?")
_HEADER_LINES = 40


@dataclass(frozen=True, slots=True)
class Row:
    """One line of values.

    Attributes:
        path: The file.
        number: The line, from 1.
        values: Text by column.
    """

    path: Path
    number: int
    values: dict[str, str]

    def text(self, column: str) -> str:
        """Return the text of a column; empty where the line has none."""
        return self.values.get(column, "")

    def number_in(self, column: str) -> float:
        """Return the number in a column.

        Raises:
            UsageError: it holds none, or one that is not finite.
        """
        return finite(self.text(column), f"{self.where}, column {column!r}")

    @property
    def where(self) -> str:
        """File and line, as `log.csv:12`."""
        return f"{self.path}:{self.number}"


@dataclass(frozen=True, slots=True)
class Table:
    """A header and its rows.

    Attributes:
        path: The file.
        columns: Names of the columns; twins carry ` #2`, ` #3` behind their name.
        rows: The lines that could be read.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def require(self, wanted: Sequence[str]) -> None:
        """Check that the header names what is needed.

        Raises:
            UsageError: something is missing; it is named, with what is there instead.
        """
        missing = [name for name in wanted if name not in self.columns]
        if missing:
            raise UsageError(
                f"{self.path}:1 has no column {', '.join(missing)}; "
                f"it has {', '.join(self.columns)}.",
                "Name a file of the right kind.",
            )


def finite(text: str, where: str) -> float:
    """Return a finite number, written with a point or a comma.

    Raises:
        UsageError: the text is no number, or not a finite one.
    """
    value = number_of(text)
    if value is None:
        raise UsageError(f"{where} holds {text.strip()!r}, which is no number.", "Mend the file.")
    return value


def number_of(text: str) -> float | None:
    """Return a finite number, written with a point or a comma; None if the text is none."""
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text.replace(",", "."))
    return value if math.isfinite(value) else None


def is_missing(text: str) -> bool:
    """Tell whether a tool wrote here that it has no figure."""
    return text.strip().casefold() in MISSING


def separator_of(line: str) -> str:
    """Return what most likely stands between the values of a line."""
    counts = {mark: len(split(line, mark)) for mark in SEPARATORS}
    return max(SEPARATORS, key=lambda mark: (counts[mark], -SEPARATORS.index(mark)))


def split(line: str, separator: str) -> list[str]:
    """Return the values of one line, without quotes and the blanks around them.

    Line by line, so that a quote that a killed program left open takes no other line along.
    """
    try:
        values = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    except csv.Error:
        values = line.split(separator)
    return [value.strip() for value in values]


def twins_numbered(columns: Iterable[str]) -> list[str]:
    """Return names of columns with the second of a name called `NAME #2`, and so on."""
    seen: dict[str, int] = {}
    found = []
    for column in columns:
        seen[column] = seen.get(column, 0) + 1
        found.append(column if seen[column] == 1 else f"{column} #{seen[column]}")
    return found


def read_table(
    file: TextFile,
    left_out: LeftOut,
    is_header: Callable[[list[str]], bool],
    columns: Sequence[str] = (),
) -> Table:
    """Read the lines below a header; blank lines and repeated headers end nothing.

    Args:
        file: The file.
        left_out: Where lines that could not be read are counted.
        is_header: Tells a line of column names.
        columns: Names for the columns of a file without a header.

    Raises:
        UsageError: there is no header, or a second one with other columns.
    """
    start, separator, names = _header(file, left_out, is_header, columns)
    reader = _Reader(file.path, separator, names, left_out, is_header)
    rows = [
        row
        for number, line in enumerate(file.lines[start:], start=start + 1)
        if (row := reader.row(number, line, is_last=number == len(file.lines))) is not None
    ]
    if rows and not file.is_ended and _looks_cut(rows, names):
        left_out.add(rows.pop().number, CUT)
    return Table(file.path, tuple(twins_numbered(names)), tuple(rows))


CUT = "the last line is cut short"


def _header(
    file: TextFile,
    left_out: LeftOut,
    is_header: Callable[[list[str]], bool],
    columns: Sequence[str],
) -> tuple[int, str, list[str]]:
    """Return the line where rows begin, the separator, and the names of the columns."""
    for number, line in enumerate(file.lines[:_HEADER_LINES], start=1):
        if not line.strip():
            continue
        separator = separator_of(line)
        values = split(line, separator)
        if is_header(values):
            if columns and values != list(columns):
                raise UsageError(
                    f"{file.path}:{number} names its columns itself: {', '.join(values)}.",
                    "Leave out --columns.",
                )
            for before in range(1, number):
                left_out.skip(before, "blank" if not file.lines[before - 1].strip() else "other")
            return number, separator, _without_trailing(values)
        if columns:
            return number - 1, separator, list(columns)
    first = next((line for line in file.lines if line.strip()), "")
    raise UsageError(
        f"{file.path}:1 does not name the columns that are needed; it begins with "
        f"{first.strip()[:60]!r}.",
        "Name a file of the right kind.",
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Turns lines below a header into rows."""

    path: Path
    separator: str
    columns: list[str]
    left_out: LeftOut
    is_header: Callable[[list[str]], bool]

    def row(self, number: int, line: str, *, is_last: bool) -> Row | None:
        """Return the row of a line; None for one that was left out."""
        if not line.strip("\0 \t"):
            self.left_out.skip(number, "blank")
            return None
        values = split(line, self.separator)
        if self.is_header(values):
            self._require_same(number, values)
            self.left_out.skip(number, "repeated header")
            return None
        values = self._fitted(line, values)
        n_values, n_columns = len(values), len(self.columns)
        if n_values != n_columns:
            cut = is_last and n_values < n_columns
            self.left_out.add(number, CUT if cut else f"{n_values} values for {n_columns} columns")
            return None
        return Row(self.path, number, dict(zip(twins_numbered(self.columns), values, strict=True)))

    def _fitted(self, line: str, values: list[str]) -> list[str]:
        n_columns = len(self.columns)
        if self.separator == "," and len(values) > n_columns and any(values[n_columns:]):
            values = split(DECIMAL_COMMA.sub(".", line), ",")
        while len(values) > n_columns and not values[-1]:
            values = values[:-1]
        return values

    def _require_same(self, number: int, values: list[str]) -> None:
        if _without_trailing(values) != self.columns:
            raise UsageError(
                f"{self.path}:{number} begins a second log with other columns.",
                "Cut the file there and read each part by itself.",
            )


def _without_trailing(values: list[str]) -> list[str]:
    while values and not values[-1]:
        values = values[:-1]
    return values


def _looks_cut(rows: Sequence[Row], columns: Sequence[str]) -> bool:
    """Tell whether the end of the last line is shorter than the same column ever is above it."""
    column = twins_numbered(columns)[-1]
    last, above = rows[-1].text(column), [row.text(column) for row in rows[:-1]]
    shapes = {_shape(text) for text in above if not is_missing(text)}
    if not shapes or is_missing(last):
        return False
    unit, n_decimals = _shape(last)
    units = {each[0] for each in shapes}
    return unit not in units or n_decimals < min(each[1] for each in shapes)


def _shape(text: str) -> tuple[str, int]:
    """Return what stands behind a number, and how many decimals it has."""
    match = _NUMBER.match(text)
    if match is None:
        return "", 0
    decimals = re.split(r"[.,]", match[0], maxsplit=1)[1:]
    return text[match.end() :].strip(), len(decimals[0]) if decimals else 0
