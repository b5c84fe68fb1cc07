"""What `perf stat -I -e power/…/` prints: joules of each interval, as text, with -x, or as JSON."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from llamawatt.core.errors import UsageError
from llamawatt.core.readings import Domain, DomainKind
from llamawatt.imports.format import Format, Options
from llamawatt.imports.intervals import Interval, energy_domain, interval_log
from llamawatt.imports.json_documents import documents, number_at
from llamawatt.imports.left_out import LeftOut
from llamawatt.imports.recorded import ImportedLog
from llamawatt.imports.text_file import TextFile

TOOL = "perf-stat"
_EVENT = re.compile(r"power/energy-(pkg|cores|gpu|ram|psys)/\w*")
_KINDS = {
    "pkg": ("cpu-package", DomainKind.CPU_PACKAGE, True),
    "cores": ("cpu-core", DomainKind.CPU_CORE, False),
    "gpu": ("cpu-graphics", DomainKind.OTHER, False),
    "ram": ("dram", DomainKind.DRAM, True),
    "psys": ("platform", DomainKind.PLATFORM, False),
}
_SOCKET = re.compile(r"(?:^|[\s,;])S(\d+)(?:-D\d+)?(?=[\s,;])")
_TEXT = re.compile(
    r"^\s*(?:(?P<end>[\d.,]+)\s+)?(?:S\d\S*\s+\d+\s+)?(?P<value>[\d.,<][^J]*?)\s+Joules\s"
)
_ELAPSED = re.compile(r"^\s*([\d.,]+)\s+seconds time elapsed")
_MISSING = re.compile(r"<not (?:counted|supported)>")


@dataclass(frozen=True, slots=True)
class _Count:
    """One line: the end of its interval, the domain, and the joules; None where not counted."""

    number: int
    end_s: float | None
    name: str
    energy_j: float | None


def _recognise(file: TextFile) -> bool:
    return any(_EVENT.search(line) for line in file.head(200))


def _read(file: TextFile, _: Options) -> ImportedLog:
    left_out = LeftOut()
    counts = list(_counts(file, left_out))
    if not counts:
        raise UsageError(
            f"{file.path} counts no joules.", "Use perf stat -I 1000 -e power/energy-pkg/."
        )
    intervals = _intervals(file, counts)
    domains = [_domain(name) for name in dict.fromkeys(count.name for count in counts)]
    return interval_log(file, TOOL, domains, intervals, left_out)


def _counts(file: TextFile, left_out: LeftOut) -> Iterator[_Count]:
    if any('"event"' in line for line in file.head(20)):
        yield from _json_counts(file, left_out)
        return
    for number, line in enumerate(file.lines, start=1):
        event = _EVENT.search(line)
        if event is None:
            is_last = number == len(file.lines) and not file.is_ended
            if is_last and line.strip()[:1].isdigit():
                left_out.add(number, "the last line is cut short")
            continue
        found = _of_line(number, line, event)
        if found is None:
            left_out.add(number, "no count of joules")
        else:
            yield found


def _of_line(number: int, line: str, event: re.Match[str]) -> _Count | None:
    socket = _SOCKET.search(line[: event.start()])
    name = _name(event[1], socket[1] if socket else None)
    text = _TEXT.match(line)
    if text is not None:
        end_s = _float(text["end"]) if text["end"] else None
        return _Count(number, end_s, name, _joules(text["value"]))
    separator = next((mark for mark in ",;|\t" if f"{mark}Joules{mark}" in line), None)
    if separator is not None:
        values = [value.strip() for value in line.split(separator)]
        place = values.index("Joules")
        end_s = _float(values[0]) if place > 1 and "." in values[0] else None
        return _Count(number, end_s, name, _joules(values[place - 1]))
    if _MISSING.search(line):
        return _Count(number, _float(re.split(r"[\s,;|]", line.strip())[0]), name, None)
    return None


def _json_counts(file: TextFile, left_out: LeftOut) -> Iterator[_Count]:
    for number, told in enumerate(documents(file, left_out), start=1):
        event = _EVENT.search(str(told.get("event", ""))) if isinstance(told, dict) else None
        if event is None or not isinstance(told, dict):
            continue
        socket = re.fullmatch(r"S(\d+)\S*", str(told.get("socket", "")))
        name = _name(event[1], socket[1] if socket else None)
        value = number_at(told, "counter-value")
        yield _Count(number, number_at(told, "interval"), name, value)


def _intervals(file: TextFile, counts: list[_Count]) -> list[Interval]:
    """Return the intervals: by the times of the lines, or one of the length that was elapsed."""
    by_end: dict[float, list[_Count]] = {}
    for count in counts:
        if count.end_s is not None:
            by_end.setdefault(count.end_s, []).append(count)
    if by_end:
        found, before_s = [], 0.0
        for end_s, members in by_end.items():
            energies_j = {each.name: each.energy_j for each in members if each.energy_j is not None}
            found.append(Interval(members[0].number, end_s, end_s - before_s, energies_j))
            before_s = end_s
        return found
    elapsed = [match for line in file.lines if (match := _ELAPSED.match(line))]
    length_s = _float(elapsed[-1][1]) if elapsed else None
    if not length_s:
        raise UsageError(
            f"{file.path} does not tell over what time it counted.", "Use perf stat -I 1000."
        )
    energies_j = {each.name: each.energy_j for each in counts if each.energy_j is not None}
    return [Interval(counts[0].number, length_s, length_s, energies_j)]


def _name(event: str, socket: str | None) -> str:
    stem = _KINDS[event][0]
    return stem if stem == "platform" else f"{stem}-{socket or 0}"


def _domain(name: str) -> Domain:
    stem = name.rpartition("-")[0] or name
    kind, in_total = next(
        (kind, total) for each, kind, total in _KINDS.values() if each in {stem, name}
    )
    return energy_domain(TOOL, name, kind, in_total=in_total)


def _joules(text: str) -> float | None:
    return None if _MISSING.search(text) else _float(text)


def _float(text: str) -> float | None:
    """Return a number with a point or comma and perhaps marks between its thousands."""
    text = text.strip().replace("\N{NO-BREAK SPACE}", "").replace(" ", "")
    if "," in text and "." in text:
        last = max(text.rfind(","), text.rfind("."))
        text = text[:last].replace(",", "").replace(".", "") + "." + text[last + 1 :]
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


FORMAT = Format("perf", "joules of perf stat", _recognise, _read)
