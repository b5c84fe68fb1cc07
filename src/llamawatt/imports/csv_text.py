"""Reading other tools' CSV files: every complaint names file and line, and no figure is guessed."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from llamawatt.core.errors import UsageError

DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d{3}(?:,|\s|$))")
"""A comma between digits, right before three of them and no space: a decimal sign. Tools that pad
their numbers put a space behind a comma that separates."""


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
        """Return the text of a column."""
        return self.values[column]

    def number_in(self, column: str) -> float:
        """Return the number in a column.

        Raises:
            UsageError: it holds none, or one that is not finite.
        """
        return finite(self.values[column], f"{self.where}, column {column!r}")

    @property
    def where(self) -> str:
        """File and line, as `log.csv:12`."""
        return f"{self.path}:{self.number}"


def finite(text: str, where: str) -> float:
    """Return a finite number, written with a point or a comma.

    Raises:
        UsageError: the text is no number, or not a finite one.
    """
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{where} holds {text.strip()!r}, which is no number.", "Mend the file.")
    return value


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file.

    Raises:
        UsageError: it cannot be read, is no text, or is empty.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no text file in UTF-8.", "Name a CSV file.") from error
    if not lines:
        raise UsageError(f"{path} is empty.", "Name a CSV file with a header.")
    return lines


def header_of(path: Path, line: str) -> tuple[str, list[str]]:
    """Return the separator and the columns that a first line names."""
    separator = ";" if line.count(";") > line.count(",") else ","
    columns = [column.strip().strip('"') for column in line.split(separator)]
    if len(set(columns)) < len(columns):
        raise UsageError(f"{path}:1 names a column twice.", "Mend the header.")
    return separator, columns


def require_columns(path: Path, columns: Sequence[str], wanted: Sequence[str]) -> None:
    """Check that a header names what is needed.

    Raises:
        UsageError: something is missing; it is named, with what is there instead.
    """
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise UsageError(
            f"{path}:1 has no column {', '.join(missing)}; it has {', '.join(columns)}.",
            "Name a file of the right kind.",
        )


def rows(path: Path, lines: Sequence[str], separator: str, columns: Sequence[str]) -> Iterator[Row]:
    """Yield the lines of values below a header, up to the first empty line.

    Raises:
        UsageError: a line has more or fewer values than the header has columns.
    """
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            return
        values = line.split(separator)
        if separator == "," and len(values) > len(columns):
            values = DECIMAL_COMMA.sub(".", line).split(separator)
        if len(values) != len(columns):
            raise UsageError(
                f"{path}:{number} has {len(values)} values, the header has {len(columns)} columns.",
                "Mend the line; export with a decimal point, or with ';' between values.",
            )
        yield Row(path, number, dict(zip(columns, (v.strip() for v in values), strict=True)))
