"""Arrival traces: read from a file in Azure's columns, or made: steady, bursty, a home day."""

import csv
import gzip
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from llamawatt.core.errors import UsageError

COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
"""Of the Azure public dataset's LLM inference traces (2023)."""
HOUR_S = 3600.0
SYNTHETIC = ("steady", "bursty", "home-day")
HOME_HOURS = (0, 0, 0, 0, 0, 0, 0, 2, 4, 2, 1, 1, 3, 2, 1, 1, 2, 4, 6, 9, 12, 10, 5, 1)
"""Conversations started in each hour of a home day, on average, by tenths."""
MANY_TOKENS = 10_000_000


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request of a trace.

    Attributes:
        t_s: When it comes, from the start of the trace.
        n_prompt: Its prompt tokens.
        n_generated: The tokens it generates.
    """

    t_s: float
    n_prompt: int
    n_generated: int


def read_arrivals(path: Path) -> tuple[Arrival, ...]:
    """Read a trace in Azure's columns, compressed by gzip or not.

    Raises:
        UsageError: the file cannot be read, or a line of it does not hold.
    """
    try:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            rows = list(_rows(path, csv.DictReader(file)))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read as a trace ({error}).") from error
    if not rows:
        raise UsageError(f"{path} holds no request.", f"Its columns are {', '.join(COLUMNS)}.")
    start_s = min(each.t_s for each in rows)
    shifted = (Arrival(each.t_s - start_s, each.n_prompt, each.n_generated) for each in rows)
    return tuple(sorted(shifted, key=lambda each: each.t_s))


def _rows(path: Path, reader: "csv.DictReader[str]") -> Iterator[Arrival]:
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise UsageError(
            f"{path}:1 has no column {missing[0]}.", f"Its columns are {', '.join(COLUMNS)}."
        )
    for row in reader:
        where = f"{path}:{reader.line_num}"
        yield Arrival(
            _moment_s(where, row["TIMESTAMP"]),
            _count(where, "ContextTokens", row["ContextTokens"]),
            _count(where, "GeneratedTokens", row["GeneratedTokens"]),
        )


def _moment_s(where: str, text: str | None) -> float:
    """Return a date and time as seconds; Azure writes seven digits behind the second."""
    whole, _, rest = (text or "").partition(".")
    try:
        fraction = float(f"0.{rest[:9]}") if rest else 0.0
        return datetime.fromisoformat(whole).timestamp() + fraction
    except ValueError:
        pass
    try:
        moment_s = float(text or "")
    except ValueError:
        moment_s = math.nan
    if not math.isfinite(moment_s):
        raise UsageError(f"{where}: TIMESTAMP {text!r} is neither a date and time nor seconds.")
    return moment_s


def _count(where: str, name: str, text: str | None) -> int:
    if text is None or not text.strip().isdigit() or int(text) > MANY_TOKENS:
        raise UsageError(f"{where}: {name} {text!r} is not a number of tokens.")
    return int(text)


def thinned(arrivals: Sequence[Arrival], one_in: float, seed: int) -> tuple[Arrival, ...]:
    """Keep each request with the same chance, so that a service's load becomes a home's."""
    rng = random.Random(seed)  # noqa: S311  # a simulation, no secret
    return tuple(each for each in arrivals if rng.random() * one_in < 1.0)


def synthetic(kind: str, seed: int) -> tuple[Arrival, ...]:
    """Make a trace: `steady`, `bursty` or `home-day`.

    Raises:
        UsageError: there is no such kind.
    """
    rng = random.Random(seed)  # noqa: S311  # a simulation, no secret
    makers = {"steady": _steady, "bursty": _bursty, "home-day": _home_day}
    if kind not in makers:
        raise UsageError(f"There is no trace {kind!r}.", f"Made are {', '.join(SYNTHETIC)}.")
    return tuple(sorted(makers[kind](rng), key=lambda each: each.t_s))


def _steady(rng: random.Random) -> Iterator[Arrival]:
    """An hour of independent requests, one in two seconds on average."""
    t_s = 0.0
    while (t_s := t_s + rng.expovariate(0.5)) < HOUR_S:
        yield _request(rng, t_s)


def _bursty(rng: random.Random) -> Iterator[Arrival]:
    """An hour in which some 30 requests come within seconds, then nothing for minutes."""
    t_s = 0.0
    while (t_s := t_s + rng.expovariate(1 / 240)) < HOUR_S:
        for _ in range(rng.randint(10, 50)):
            yield _request(rng, t_s + rng.expovariate(1 / 3))


def _home_day(rng: random.Random) -> Iterator[Arrival]:
    """A day at home: conversations of some turns, mostly in the evening."""
    for hour, tenths in enumerate(HOME_HOURS):
        t_s = hour * HOUR_S
        while (
            tenths
            and (t_s := t_s + rng.expovariate(tenths / 10 / HOUR_S * 4)) < (hour + 1) * HOUR_S
        ):
            turn_s, n_context = t_s, 0
            for _ in range(1 + int(rng.expovariate(1 / 4))):
                turn = _request(rng, turn_s)
                yield Arrival(turn_s, turn.n_prompt + n_context, turn.n_generated)
                n_context += turn.n_prompt + turn.n_generated
                turn_s += 8 + rng.expovariate(1 / 40)


def _request(rng: random.Random, t_s: float) -> Arrival:
    """A prompt and an answer of ordinary lengths, log-normal."""
    n_prompt = min(2000, 1 + int(rng.lognormvariate(4.5, 0.9)))
    return Arrival(t_s, n_prompt, min(1000, 1 + int(rng.lognormvariate(5.0, 0.7))))
