"""Logs of Intel Power Gadget 3 (PowerLog), whose support ended in December 2023.

Its energies are the processor's own counters, cumulative from second zero, and its footer repeats
the totals: an import must come to them.
"""

import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from llamawatt.core.errors import UsageError
from llamawatt.core.flags import Flag
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity
from llamawatt.imports.clock_times import date_by_name, past_midnight, time_of_day_s
from llamawatt.imports.csv_text import Row, finite, header_of, read_lines, require_columns, rows
from llamawatt.imports.recorded import ImportedLog, ImportedSeries, gap_flags, kept_rows

TOOL = "power-gadget"
SYSTEM_TIME = "System Time"
ELAPSED = "Elapsed Time (sec)"
FOOTER_TOLERANCE = 0.001
ROUNDING_J = 0.002
"""Rows are written to a millijoule."""
STEP_S = 0.5
"""The two clocks of a log may drift apart by less than this before one of them was set."""

_COLUMN = re.compile(r"Cumulative (Processor|IA|GT|DRAM) Energy_(\d+)\s?\(Joules\)")
_KINDS = {
    "Processor": ("cpu-package", DomainKind.CPU_PACKAGE, True),
    "IA": ("cpu-core", DomainKind.CPU_CORE, False),
    "GT": ("cpu-graphics", DomainKind.OTHER, False),
    "DRAM": ("dram", DomainKind.DRAM, True),
}


def read_power_gadget(path: Path) -> ImportedLog:
    """Read a Power Gadget log.

    Raises:
        UsageError: it is no such log, a line is broken, times run backwards, or its rows do not
            come to its own totals; file and line are named.
    """
    lines = read_lines(path)
    separator, columns = header_of(path, lines[0])
    require_columns(path, columns, (SYSTEM_TIME, ELAPSED))
    wanted = {column: _domain(match) for column in columns if (match := _COLUMN.fullmatch(column))}
    if not any(domain.kind is DomainKind.CPU_PACKAGE for domain in wanted.values()):
        require_columns(path, columns, ("Cumulative Processor Energy_0(Joules)",))
    found = list(rows(path, lines, separator, columns))
    t_s = [row.number_in(ELAPSED) for row in found]
    kept, notes = kept_rows(found, t_s)
    series, silent = _series(found, t_s, kept, wanted)
    footer_j = _footer_j(path, lines)
    _require_footer(path, series, footer_j)
    of_day_s = past_midnight([time_of_day_s(row, SYSTEM_TIME) for row in found])
    flags = gap_flags([t_s[i] for i in kept]) + _clock_flags(t_s, of_day_s)
    if not any(each.domain.kind is DomainKind.DRAM for each in series):
        flags += (Flag.DRAM_NOT_MEASURED,)
    began = date_by_name(path, of_day_s[0])
    return ImportedLog(
        source=path.name,
        tool=TOOL,
        started_at=began - timedelta(seconds=t_s[0]) if began else None,
        series=series,
        footer_j={name: j for name, j in footer_j.items() if name not in silent},
        flags=flags,
        notes=notes + tuple(f"{name} counts nothing: it is not measured." for name in silent),
    )


def _domain(match: re.Match[str]) -> Domain:
    stem, kind, in_total = _KINDS[match[1]]
    return Domain(
        name=f"{stem}-{match[2]}",
        kind=kind,
        quantity=Quantity.ENERGY,
        method=Method.IMPORT,
        source=TOOL,
        in_total=in_total,
        note="" if in_total else "Part of the package.",
    )


def _series(
    found: Sequence[Row], t_s: Sequence[float], kept: Sequence[int], wanted: dict[str, Domain]
) -> tuple[tuple[ImportedSeries, ...], tuple[str, ...]]:
    """Return the series, and the names of the domains that counted nothing at all."""
    series, silent = [], []
    for column, domain in wanted.items():
        energy_j = [found[i].number_in(column) for i in kept]
        _require_rising([found[i] for i in kept], energy_j, column)
        if energy_j[-1] <= 0:
            silent.append(domain.name)
            continue
        # Both columns start from zero when logging starts, one row before the first that is told.
        has_start = t_s[kept[0]] <= 0
        start = () if has_start else (0.0,)
        series.append(
            ImportedSeries(domain, (*start, *(t_s[i] for i in kept)), (*start, *energy_j))
        )
    if not any(each.domain.kind is DomainKind.CPU_PACKAGE for each in series):
        raise UsageError(f"{found[0].path} counts no processor energy: every total is zero.")
    return tuple(series), tuple(silent)


def _require_rising(found: Sequence[Row], energy_j: Sequence[float], column: str) -> None:
    before_j = 0.0
    for row, now_j in zip(found, energy_j, strict=True):
        if now_j < before_j:
            raise UsageError(
                f"{row.where}: {column} falls from {before_j} J to {now_j} J.",
                "A cumulative energy cannot fall; cut the file there.",
            )
        before_j = now_j


def _footer_j(path: Path, lines: Sequence[str]) -> dict[str, float]:
    """Return the totals below the rows, by domain; empty when the tool did not get to them."""
    totals_j = {}
    for number, line in enumerate(lines, start=1):
        key, equals, text = line.partition("=")
        match = _COLUMN.fullmatch(key.strip())
        if equals and match is not None:
            totals_j[_domain(match).name] = finite(text, f"{path}:{number}")
    return totals_j


def _require_footer(
    path: Path, series: Sequence[ImportedSeries], footer_j: dict[str, float]
) -> None:
    for each in series:
        told_j = footer_j.get(each.domain.name)
        if told_j is None:
            continue
        if abs(each.energy_j - told_j) > FOOTER_TOLERANCE * abs(told_j) + ROUNDING_J:
            raise UsageError(
                f"The rows of {path} come to {each.energy_j:.3f} J of {each.domain.name}, "
                f"its footer says {told_j:.3f} J.",
                "The file was cut or edited; use the log as the tool wrote it.",
            )


def _clock_flags(t_s: Sequence[float], of_day_s: Sequence[float]) -> tuple[Flag, ...]:
    offset_s = [clock_s - passed_s for clock_s, passed_s in zip(of_day_s, t_s, strict=True)]
    return (Flag.CLOCK_STEPPED,) if max(offset_s) - min(offset_s) > STEP_S else ()
