"""What turbostat of the Linux kernel prints: mean watts or joules of each interval.

Times come from its column Time_Of_Day_Seconds, from the line `N sec` that it prints for a command,
or from `--interval`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from llamawatt.core.errors import UsageError
from llamawatt.core.flags import Flag
from llamawatt.core.readings import Domain, DomainKind
from llamawatt.imports.format import Format, Options
from llamawatt.imports.intervals import Interval, energy_domain, interval_log
from llamawatt.imports.left_out import LeftOut
from llamawatt.imports.recorded import ImportedLog
from llamawatt.imports.table import number_of
from llamawatt.imports.text_file import TextFile

TOOL = "turbostat"
CLOCK = "Time_Of_Day_Seconds"
_LENGTH = re.compile(r"^\s*([\d.]+)\s+sec\s*$")
_COLUMNS = {
    "PkgWatt": ("cpu-package", DomainKind.CPU_PACKAGE, False),
    "Pkg_J": ("cpu-package", DomainKind.CPU_PACKAGE, True),
    "CorWatt": ("cpu-core", DomainKind.CPU_CORE, False),
    "Cor_J": ("cpu-core", DomainKind.CPU_CORE, True),
    "GFXWatt": ("cpu-graphics", DomainKind.OTHER, False),
    "GFX_J": ("cpu-graphics", DomainKind.OTHER, True),
    "RAMWatt": ("dram", DomainKind.DRAM, False),
    "RAM_J": ("dram", DomainKind.DRAM, True),
    "SysWatt": ("platform", DomainKind.PLATFORM, False),
    "Sys_J": ("platform", DomainKind.PLATFORM, True),
}
"""Column → stem, kind, and whether it counts joules; a column of joules is taken before watts."""
_TOTAL = (DomainKind.CPU_PACKAGE, DomainKind.DRAM)


@dataclass(frozen=True, slots=True)
class _Line:
    """One line below a header.

    Attributes:
        number: The line.
        values: Text by column.
        length_s: Length of its interval, where a line above tells it.
    """

    number: int
    values: dict[str, str]
    length_s: float | None


def _is_header(line: str) -> bool:
    names = line.split()
    return bool(
        {"Avg_MHz", "Busy%", "Bzy_MHz", "CPU", "Core", CLOCK, *_COLUMNS} & {*names}
    ) and bool(set(_COLUMNS) & {*names})


def _recognise(file: TextFile) -> bool:
    return any(_is_header(line) for line in file.head(200))


def _read(file: TextFile, options: Options) -> ImportedLog:
    left_out = LeftOut()
    rounds = list(_rounds(_lines(file, left_out)))
    if not rounds:
        raise UsageError(f"{file.path} has turbostat's header and no line of values below it.")
    lengths_s, ends_s, flags = _times(file, rounds, options)
    by_package = all("Package" in line.values for line in rounds[0])
    intervals = [
        Interval(members[0].number, end_s, length_s, _energies_j(members, length_s, by_package))
        for members, end_s, length_s in zip(rounds, ends_s, lengths_s, strict=True)
    ]
    names = dict.fromkeys(name for each in intervals for name in each.energy_j)
    notes = [] if by_package else ["turbostat adds the packages of a machine: package 0 is all."]
    return interval_log(
        file, TOOL, [_domain(name) for name in names], intervals, left_out, flags=flags, notes=notes
    )


def _lines(file: TextFile, left_out: LeftOut) -> Iterator[_Line]:
    """Yield the lines of values, each with the header above it."""
    head: list[str] = []
    length_s = None
    for number, line in enumerate(file.lines, start=1):
        length = _LENGTH.match(line)
        if length is not None:
            length_s = number_of(length[1])
        elif _is_header(line):
            head = line.split()
        elif head and line.strip():
            values = line.split()
            is_value = number_of(values[-1]) is not None
            if is_value and len(values) <= len(head):
                yield _Line(number, dict(zip(head, values, strict=False)), length_s)
            else:
                left_out.add(number, "no line of turbostat's values")
        elif not line.strip() and head:
            left_out.skip(number, "blank")


def _rounds(lines: Iterator[_Line]) -> Iterator[list[_Line]]:
    """Yield the lines of each interval: a summary, then perhaps a line for each core."""
    members: list[_Line] = []
    for line in lines:
        if members and _begins(line):
            yield members
            members = []
        members.append(line)
    if members:
        yield members


def _begins(line: _Line) -> bool:
    marks = [line.values[name] for name in ("Package", "Core", "CPU") if name in line.values]
    return not marks or all(mark == "-" for mark in marks)


def _times(
    file: TextFile, rounds: Sequence[list[_Line]], options: Options
) -> tuple[list[float], list[float], tuple[Flag, ...]]:
    """Return length and end of each interval.

    Raises:
        UsageError: the log has no times and no interval was named.
    """
    clock_s = [number_of(members[0].values.get(CLOCK, "")) for members in rounds]
    told_s = [members[0].length_s for members in rounds]
    if all(at is not None for at in clock_s):
        ends_s = [at for at in clock_s if at is not None]
        if len(ends_s) < 2 and options.interval_s is None:
            raise UsageError(f"{file.path} has one interval of unknown length.", "Name --interval.")
        steps_s = [now - before for before, now in pairwise(ends_s)]
        first_s = options.interval_s or sorted(steps_s)[len(steps_s) // 2]
        return [first_s, *steps_s], ends_s, ()
    if all(length is not None for length in told_s):
        lengths_s = [length for length in told_s if length is not None]
        return lengths_s, _summed(lengths_s), ()
    if options.interval_s is None:
        raise UsageError(
            f"{file.path} has no times.",
            f"Name the interval, as --interval 5s (turbostat's own is 5 s); next time add "
            f"--enable {CLOCK}.",
        )
    lengths_s = [options.interval_s] * len(rounds)
    return lengths_s, _summed(lengths_s), (Flag.TIMES_ASSUMED,)


def _summed(lengths_s: Sequence[float]) -> list[float]:
    ends_s, end_s = [], 0.0
    for length_s in lengths_s:
        end_s += length_s
        ends_s.append(end_s)
    return ends_s


def _energies_j(members: Sequence[_Line], length_s: float, by_package: bool) -> dict[str, float]:
    """Return joules by domain: of each package where the lines tell them apart, else of all."""
    found: dict[str, float] = {}
    chosen = [line for line in members if line.values.get("Package", "").isdecimal()]
    for line in chosen if by_package and chosen else members[:1]:
        number = line.values.get("Package", "0")
        number = number if number.isdecimal() else "0"
        for column, (stem, _, is_joules) in _COLUMNS.items():
            value = number_of(line.values.get(column, ""))
            if value is not None and (is_joules or f"{stem}-{number}" not in found):
                name = stem if stem == "platform" else f"{stem}-{number}"
                energy_j = value if is_joules else value * length_s
                # A package's figure stands in the line of its first core alone.
                found.setdefault(name, energy_j)
    return found


def _domain(name: str) -> Domain:
    stem = name.rpartition("-")[0] or name
    kind = next(kind for each, kind, _ in _COLUMNS.values() if each in {stem, name})
    return energy_domain(TOOL, name, kind, in_total=kind in _TOTAL)


FORMAT = Format("turbostat", "what turbostat prints", _recognise, _read)
