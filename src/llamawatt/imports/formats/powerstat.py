"""What powerstat prints: mean watts of each interval, of the battery or of the processor (-R)."""

import re
from collections.abc import Sequence

from llamawatt.core.errors import UsageError
from llamawatt.core.flags import Flag
from llamawatt.core.readings import Domain, DomainKind
from llamawatt.imports.clock_times import of_day_s, past_midnight
from llamawatt.imports.format import Format, Options
from llamawatt.imports.intervals import Interval, energy_domain, interval_log
from llamawatt.imports.left_out import LeftOut
from llamawatt.imports.recorded import ImportedLog
from llamawatt.imports.table import number_of
from llamawatt.imports.text_file import TextFile

TOOL = "powerstat"
_HEAD = re.compile(r"^\s*Time\s+User\s+Nice\s(?:.*\s)?Watts(?:\s|$)")
_EVERY = re.compile(r"at ([\d.]+) seconds? intervals?")
_SUMMARY = re.compile(r"^\s*(System|CPU|GPU):?\s+([\d.]+) Watts on [Aa]verage")
_ROW = re.compile(r"^\s*(\d{1,2}:\d{2}:\d{2})\s")
_TOLERANCE = 0.02
ROUNDING_W = 0.011
"""Powers and their mean are printed to hundredths."""
_RAPL = re.compile(r"RAPL", re.IGNORECASE)


def _recognise(file: TextFile) -> bool:
    return any(_HEAD.match(line) for line in file.head())


def _read(file: TextFile, options: Options) -> ImportedLog:
    left_out = LeftOut()
    head: list[str] = []
    rows: list[tuple[int, str, float]] = []
    for number, line in enumerate(file.lines, start=1):
        if _HEAD.match(line):
            head = line.split()
        elif head and (row := _ROW.match(line)):
            values = line.split()
            place = head.index("Watts")
            power_w = number_of(values[place]) if len(values) > place else None
            if power_w is None:
                left_out.add(number, "no power")
            else:
                rows.append((number, row[1], power_w))
    if not rows:
        raise UsageError(f"{file.path} has powerstat's header and no line of powers.")
    length_s, flags = _length_s(file, options)
    of_day = past_midnight([of_day_s(clock) or 0.0 for _, clock, _ in rows])
    ends_s = _ends_s(of_day, length_s)
    domain = _domain(file)
    intervals = [
        Interval(number, end_s, length_s, {domain.name: power_w * length_s})
        for (number, _, power_w), end_s in zip(rows, ends_s, strict=True)
    ]
    if not left_out.n_lost:
        _require_mean(file, [power_w for _, _, power_w in rows])
    notes = _notes(file)
    return interval_log(file, TOOL, [domain], intervals, left_out, flags=flags, notes=notes)


def _length_s(file: TextFile, options: Options) -> tuple[float, tuple[Flag, ...]]:
    told = next((match for line in file.lines if (match := _EVERY.search(line))), None)
    length_s = number_of(told[1]) if told else None
    if length_s:
        return length_s, ()
    if options.interval_s is not None:
        return options.interval_s, (Flag.TIMES_ASSUMED,)
    raise UsageError(
        f"{file.path} does not tell its interval: its first lines are missing.",
        "Name it, as --interval 10s.",
    )


def _ends_s(of_day: Sequence[float], length_s: float) -> list[float]:
    """Return when intervals ended; times are to the second, so near ones follow each other."""
    ends_s = [of_day[0]]
    for at_s in of_day[1:]:
        expected_s = ends_s[-1] + length_s
        ends_s.append(expected_s if abs(at_s - expected_s) <= max(1.5, length_s / 2) else at_s)
    return ends_s


def _domain(file: TextFile) -> Domain:
    summary = next((match for line in file.lines if (match := _SUMMARY.match(line))), None)
    is_cpu = summary[1] == "CPU" if summary else any(_RAPL.search(line) for line in file.lines)
    if is_cpu:
        note = "All of the processor's counters that powerstat adds, memory and platform included."
        return energy_domain(TOOL, "cpu-package-0", DomainKind.CPU_PACKAGE, note=note)
    return energy_domain(
        TOOL,
        "battery",
        DomainKind.BATTERY,
        in_total=False,
        note="The whole machine, by its battery.",
    )


def _notes(file: TextFile) -> list[str]:
    return [line.strip() for line in file.lines if line.startswith("Note: power read from RAPL")]


def _require_mean(file: TextFile, power_w: Sequence[float]) -> None:
    """Check the rows against the mean that the tool printed itself.

    Raises:
        UsageError: they do not come to it.
    """
    for number, line in enumerate(file.lines, start=1):
        match = _SUMMARY.match(line)
        if match is None:
            continue
        told_w, mean_w = float(match[2]), sum(power_w) / len(power_w)
        if abs(told_w - mean_w) > _TOLERANCE * told_w + ROUNDING_W:
            raise UsageError(
                f"{file.path}:{number} says {told_w:g} W on average, its lines come to "
                f"{mean_w:.2f} W.",
                "The file was cut or edited; use the log as the tool wrote it.",
            )


FORMAT = Format("powerstat", "what powerstat prints", _recognise, _read)
