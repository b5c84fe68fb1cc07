"""Asks the database what was used, by day, model, target or key."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llamawatt.core.errors import UsageError
from llamawatt.gateway.store.rows import COLUMNS, RequestRow

GROUPS = ("day", "model", "target", "key")


@dataclass(frozen=True, slots=True)
class Used:
    """What was used by one group of requests.

    Attributes:
        group: Values of what it is grouped by, in order.
        n_requests: Its requests.
        n_without_energy: Those whose energy is unavailable.
        n_prompt: Prompt tokens.
        n_generated: Generated tokens.
        energy_j: Joules of those whose energy is known; None where none is.
        above_idle_j: The part that work caused; None where no idle power was known.
        is_modelled: Whether any of it is modelled.
    """

    group: tuple[str, ...]
    n_requests: int
    n_without_energy: int
    n_prompt: int
    n_generated: int
    energy_j: float | None
    above_idle_j: float | None
    is_modelled: bool


def read_only(path: Path) -> sqlite3.Connection:
    """Open a database to read, beside a gateway that writes it.

    Raises:
        UsageError: there is none, or it cannot be read.
    """
    if not path.is_file():
        raise UsageError(
            f"There is no database at {path}.",
            "It is made by `llamawatt serve`; name it with --database.",
        )
    try:
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False
        )
        connection.execute("SELECT count(*) FROM requests")
    except sqlite3.Error as error:
        raise UsageError(f"{path} is no database of answers ({error}).") from error
    return connection


def parse_groups(text: str) -> tuple[str, ...]:
    """Return what to group by, of a list with commas.

    Raises:
        UsageError: one is unknown.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in GROUPS]
    if unknown:
        raise UsageError(f"Energy is not kept by {unknown[0]!r}.", f"Group by {', '.join(GROUPS)}.")
    return names


def used(
    connection: sqlite3.Connection, by: Sequence[str], since_day: str = ""
) -> tuple[Used, ...]:
    """Return what was used, by group.

    Args:
        connection: The database.
        by: What to group by; names of `GROUPS`.
        since_day: First day, ISO 8601; all when empty.
    """
    columns = ", ".join(name for name in by if name in GROUPS)
    rows = connection.execute(
        f"SELECT {columns + ', ' if columns else ''}"  # noqa: S608  (names of our own)
        "count(*), sum(energy_j IS NULL), coalesce(sum(n_prompt), 0),"
        " coalesce(sum(n_generated), 0), sum(energy_j), sum(above_idle_j),"
        " coalesce(max(modelled), 0) FROM requests WHERE day >= ?"
        + (f" GROUP BY {columns} ORDER BY {columns}" if columns else ""),
        (since_day,),
    ).fetchall()
    return tuple(_used(row, len(by)) for row in rows if row[len(by)])


def _used(row: Sequence[Any], n: int) -> Used:
    n_requests, n_without, n_prompt, n_generated, energy_j, above_idle_j, modelled = row[n:]
    return Used(
        group=tuple(row[:n]),
        n_requests=n_requests,
        n_without_energy=n_without,
        n_prompt=n_prompt,
        n_generated=n_generated,
        energy_j=energy_j,
        above_idle_j=above_idle_j,
        is_modelled=bool(modelled),
    )


def find_row(connection: sqlite3.Connection, request_id: str) -> RequestRow | None:
    """Return a request's row; None where there is none."""
    found = connection.execute(
        f"SELECT {', '.join(COLUMNS)} FROM requests WHERE request_id = ?",  # noqa: S608
        (request_id,),
    ).fetchone()
    return RequestRow(*found) if found else None


def spent_today_j(path: Path, key: str, day: str) -> float:
    """Return what a key spent on a day; 0 where nothing is kept of it."""
    with closing(read_only(path)) as connection:
        (spent_j,) = connection.execute(
            "SELECT coalesce(sum(energy_j), 0) FROM requests WHERE key = ? AND day = ?", (key, day)
        ).fetchone()
    return float(spent_j)
