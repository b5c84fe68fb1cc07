"""Logs of Intel Power Gadget: Windows, macOS and Linux, whose support ended in December 2023.

Its energies are the processor's own counters, cumulative from second zero, and its footer repeats
the totals: an import must come to them. macOS quotes every value and calls the package `Package`
in the footer; Linux writes milliseconds unpadded, so `:5` is 5 ms.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from llamawatt.core.errors import UsageError
from llamawatt.core.flags import Flag
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity
from llamawatt.imports.clock_times import date_by_name, of_day_s, past_midnight
from llamawatt.imports.counters import rising
from llamawatt.imports.format import Format, Options
from llamawatt.imports.left_out import LeftOut
from llamawatt.imports.recorded import ImportedLog, ImportedSeries, gap_flags, kept_rows, united
from llamawatt.imports.table import Row, Table, finite, number_of, read_table
from llamawatt.imports.text_file import TextFile, read_text_file

TOOL = "power-gadget"
SYSTEM_TIME = "System Time"
ELAPSED = "Elapsed Time (sec)"
FOOTER_TOLERANCE = 0.001
ROUNDING_J = 0.002
"""Rows are written to a millijoule."""
STEP_S = 0.5
"""The two clocks of a log may drift apart by less than this before one of them was set."""
J_PER_MWH = 3.6

_ENERGY = re.compile(
    r"(?:Cumulative|Total)\s+(Processor|Package|IA|GT|DRAM)\s*(?:Energy)?_?(\d*)\s*"
    r"\((Joules|mWh)\)",
    re.IGNORECASE,
)
_FOOTER = re.compile(r'\s*"?\s*((?:Total|Measured|Cumulative|Average)\b[^,;=]*)=\s*([^"]*)"?\s*')
_KINDS = {
    "processor": ("cpu-package", DomainKind.CPU_PACKAGE, True),
    "package": ("cpu-package", DomainKind.CPU_PACKAGE, True),
    "ia": ("cpu-core", DomainKind.CPU_CORE, False),
    "gt": ("cpu-graphics", DomainKind.OTHER, False),
    "dram": ("dram", DomainKind.DRAM, True),
}


def read_power_gadget(path: Path) -> ImportedLog:
    """Read a Power Gadget log.

    Raises:
        UsageError: it is no such log, times run backwards, or its rows do not come to its own
            totals; file and line are named.
    """
    return FORMAT.log(read_text_file(path), Options())


def _recognise(file: TextFile) -> bool:
    return any(ELAPSED in line and "System Time" in line for line in file.head())


def _read(file: TextFile, _: Options) -> ImportedLog:
    left_out = LeftOut()
    footer = [_FOOTER.fullmatch(line) for line in file.lines]
    end = next((place for place, match in enumerate(footer) if match), len(file.lines))
    body = replace(file, lines=file.lines[:end], is_ended=file.is_ended or end < len(file.lines))
    table = read_table(body, left_out, lambda values: {SYSTEM_TIME, ELAPSED} & {*values} != set())
    table.require((SYSTEM_TIME, ELAPSED))
    wanted = _wanted(table)
    found = _good_rows(table, wanted, left_out)
    t_s = [row.number_in(ELAPSED) for row in found]
    kept, notes = kept_rows(found, t_s)
    series, silent, flags = _series(found, t_s, kept, wanted, left_out)
    footer_j = _footer_j(file)
    _require_footer(file.path, series, footer_j)
    left_out.require_most(file.path, len(found))
    of_day = past_midnight([of_day_s(row.text(SYSTEM_TIME)) or 0.0 for row in found])
    began = date_by_name(file.path, of_day[0])
    flags += gap_flags([t_s[i] for i in kept]) + _clock_flags(t_s, of_day) + left_out.flags
    if not any(each.domain.kind is DomainKind.DRAM for each in series):
        flags += (Flag.DRAM_NOT_MEASURED,)
    return ImportedLog(
        source=file.path.name,
        tool=TOOL,
        started_at=began - timedelta(seconds=t_s[0]) if began else None,
        series=series,
        footer_j={name: j for name, j in footer_j.items() if name not in silent},
        flags=united(flags),
        notes=(
            *notes,
            *(f"{name} counts nothing: it is not measured." for name in silent),
            *left_out.notes,
        ),
    )


def _wanted(table: Table) -> dict[str, tuple[Domain, float]]:
    """Return the columns of energy with what they count and the joules in one unit.

    Raises:
        UsageError: there is none of the processor.
    """
    found: dict[str, tuple[str, Domain, float]] = {}
    for column in table.columns:
        match = _ENERGY.fullmatch(column)
        if match is None:
            continue
        domain, scale = _domain(match), _scale(match)
        if domain.name not in found or scale == 1.0:
            found[domain.name] = (column, domain, scale)
    if not any(domain.kind is DomainKind.CPU_PACKAGE for _, domain, _ in found.values()):
        table.require(("Cumulative Processor Energy_0(Joules)",))
    return {column: (domain, scale) for column, domain, scale in found.values()}


def _good_rows(
    table: Table, wanted: dict[str, tuple[Domain, float]], left_out: LeftOut
) -> list[Row]:
    """Return the rows whose times and energies can be read; a counter loses nothing by the rest."""
    good = []
    for row in table.rows:
        bad = next((name for name in (ELAPSED, *wanted) if number_of(row.text(name)) is None), None)
        if bad is not None:
            left_out.add(row.number, f"{row.text(bad)[:20]!r} is no number")
        elif of_day_s(row.text(SYSTEM_TIME)) is None:
            left_out.add(row.number, f"{row.text(SYSTEM_TIME)[:20]!r} is no time of day")
        else:
            good.append(row)
    return good


def _domain(match: re.Match[str]) -> Domain:
    stem, kind, in_total = _KINDS[match[1].lower()]
    return Domain(
        name=f"{stem}-{match[2] or 0}",
        kind=kind,
        quantity=Quantity.ENERGY,
        method=Method.IMPORT,
        source=TOOL,
        in_total=in_total,
        note="" if in_total else "Part of the package.",
    )


def _scale(match: re.Match[str]) -> float:
    return 1.0 if match[3].lower() == "joules" else J_PER_MWH


def _series(
    found: Sequence[Row],
    t_s: Sequence[float],
    kept: Sequence[int],
    wanted: dict[str, tuple[Domain, float]],
    left_out: LeftOut,
) -> tuple[tuple[ImportedSeries, ...], tuple[str, ...], tuple[Flag, ...]]:
    """Return the series, the names of domains that counted nothing at all, and doubts."""
    series, silent = [], []
    flags: tuple[Flag, ...] = ()
    for column, (domain, scale) in wanted.items():
        rows = [found[i] for i in kept]
        counted = rising(
            rows, [t_s[i] for i in kept], [row.number_in(column) * scale for row in rows],
            domain, left_out,
        )  # fmt: skip
        flags += counted.flags
        if counted.energy_j[-1] <= 0:
            silent.append(domain.name)
            continue
        # Both columns start from zero when logging starts, one row before the first that is told.
        start = () if counted.t_s[0] <= 0 else (0.0,)
        series.append(ImportedSeries(domain, (*start, *counted.t_s), (*start, *counted.energy_j)))
    if not any(each.domain.kind is DomainKind.CPU_PACKAGE for each in series):
        raise UsageError(f"{found[0].path} counts no processor energy: every total is zero.")
    return tuple(series), tuple(silent), flags


def _footer_j(file: TextFile) -> dict[str, float]:
    """Return the totals below the rows, by domain; empty when the tool did not get to them."""
    totals_j: dict[str, float] = {}
    for number, line in enumerate(file.lines, start=1):
        match = _FOOTER.fullmatch(line)
        energy = _ENERGY.fullmatch(match[1].strip()) if match else None
        if match is None or energy is None:
            continue
        name = _domain(energy).name
        if name not in totals_j or _scale(energy) == 1.0:
            totals_j[name] = finite(match[2], f"{file.path}:{number}") * _scale(energy)
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


def _clock_flags(t_s: Sequence[float], of_day: Sequence[float]) -> tuple[Flag, ...]:
    offset_s = [clock_s - passed_s for clock_s, passed_s in zip(of_day, t_s, strict=True)]
    return (Flag.CLOCK_STEPPED,) if max(offset_s) - min(offset_s) > STEP_S else ()


FORMAT = Format("powergadget", "a log of Intel Power Gadget", _recognise, _read)
