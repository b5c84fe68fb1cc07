"""What another tool recorded, as inert series on one relative time axis."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

import numpy as np

from llamawatt.core.errors import UsageError
from llamawatt.core.flags import Flag
from llamawatt.core.readings import Domain, Quantity
from llamawatt.imports.table import Row
from llamawatt.runs.samples import RawTrace

GAP_FACTOR = 5.0
"""An interval this many times the usual one is a gap that a straight line should not bridge."""


@dataclass(frozen=True, slots=True)
class ImportedSeries:
    """One domain of a log.

    Attributes:
        domain: What was recorded.
        t_s: Seconds since the log began, rising.
        value: Cumulative joules or momentary watts, as the domain's quantity says.
        holds: Whether each power holds until the next sample, as where only changes are logged;
            else power is a straight line between samples.
    """

    domain: Domain
    t_s: tuple[float, ...]
    value: tuple[float, ...]
    holds: bool = False

    @property
    def energy_j(self) -> float:
        """Joules from the first to the last sample: a difference, or an integral over power."""
        if self.domain.quantity is Quantity.ENERGY:
            return self.value[-1] - self.value[0]
        value_w = np.array(self.value)
        mean_w = value_w[:-1] if self.holds else (value_w[1:] + value_w[:-1]) / 2
        return float(np.diff(self.t_s) @ mean_w)

    @property
    def duration_s(self) -> float:
        """Time from the first to the last sample."""
        return self.t_s[-1] - self.t_s[0]

    def trace(self) -> RawTrace:
        """Return the samples as a run directory keeps them."""
        t_s, value = np.array(self.t_s), np.array(self.value)
        if self.domain.quantity is Quantity.ENERGY:
            return RawTrace(t_s, energy_j=value)
        return RawTrace(t_s, power_w=value)


@dataclass(frozen=True, slots=True)
class Throughput:
    """The speed of one test in a log that has no energy.

    Attributes:
        name: The test, as `pp512` or `tg128`.
        tok_per_s: Mean tokens per second.
        deviation_tok_per_s: Standard deviation over its repeats; None when untold.
        model: What ran.
    """

    name: str
    tok_per_s: float
    deviation_tok_per_s: float | None
    model: str


@dataclass(frozen=True, slots=True)
class ImportedLog:
    """A log as it was read.

    Attributes:
        source: Name of the file.
        tool: What wrote it: `power-gadget`, `nvml-csv`, ….
        started_at: Wall-clock time of second zero, local unless it has an offset; None if untold.
        series: What was recorded, by domain.
        footer_j: Totals that the tool itself wrote at the end, by domain; empty if it did not.
        flags: Doubts about the log.
        notes: What a reader should know, in sentences.
        title: What the file was taken for, in words.
        speeds: Speeds, where the tool records those.
    """

    source: str
    tool: str
    started_at: datetime | None
    series: tuple[ImportedSeries, ...]
    footer_j: dict[str, float] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    notes: tuple[str, ...] = ()
    title: str = ""
    speeds: tuple[Throughput, ...] = ()

    @property
    def domains(self) -> tuple[Domain, ...]:
        """What was recorded."""
        return tuple(series.domain for series in self.series)

    def of(self, domain: str) -> ImportedSeries:
        """Return the series of one domain.

        Raises:
            KeyError: the log has no such domain.
        """
        return {series.domain.name: series for series in self.series}[domain]

    def traces(self) -> dict[str, RawTrace]:
        """Return all samples as a run directory keeps them, by domain."""
        return {series.domain.name: series.trace() for series in self.series}


def require_forward(found: Sequence[Row], t_s: Sequence[float]) -> None:
    """Check that time runs forward from row to row.

    Raises:
        UsageError: a time lies before the one above it.
    """
    for (_, before_s), (row, now_s) in pairwise(zip(found, t_s, strict=True)):
        if now_s < before_s:
            raise UsageError(
                f"{row.where} is {before_s - now_s:.3f} s earlier than the line above it.",
                "Sort the file by time, or cut it where the clock was set back.",
            )


def kept_rows(found: Sequence[Row], t_s: Sequence[float]) -> tuple[list[int], tuple[str, ...]]:
    """Return which samples of a counter to keep, and what to say of those left out.

    Of samples with one time the last is kept.

    Args:
        found: The lines.
        t_s: Their times.

    Raises:
        UsageError: a time lies before the one above it, or fewer than two times are left.
    """
    require_forward(found, t_s)
    last = len(t_s) - 1
    kept = [i for i in range(len(t_s)) if i == last or t_s[i] != t_s[i + 1]]
    if len(kept) < 2:
        where = found[0].path if found else "The file"
        raise UsageError(f"{where} has {len(kept)} samples at different times; two are needed.")
    n_dropped = len(t_s) - len(kept)
    if not n_dropped:
        return kept, ()
    return kept, (f"{n_dropped} samples repeat the time of the next one and were left out.",)


def gap_flags(t_s: Sequence[float]) -> tuple[Flag, ...]:
    """Return a flag when samples lie much further apart than they usually do."""
    interval_s = np.diff(t_s)
    if not len(interval_s):
        return ()
    usual_s = float(np.median(interval_s))
    return (Flag.UNDERSAMPLED,) if interval_s.max() > GAP_FACTOR * usual_s else ()


def united(flags: Sequence[Flag]) -> tuple[Flag, ...]:
    """Return flags with each once, in order."""
    return tuple(dict.fromkeys(flags))
