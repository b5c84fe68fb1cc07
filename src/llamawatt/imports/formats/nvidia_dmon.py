"""What `nvidia-smi dmon` prints: columns of whole watts, its two header lines repeated.

With `-o T` or `-o DT` it prints times; without, it has none.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from llamawatt.imports.clock_times import DAY_S, of_day_s
from llamawatt.imports.format import Format, Options
from llamawatt.imports.formats import nvidia_smi
from llamawatt.imports.gpu_table import read_gpu_table
from llamawatt.imports.recorded import ImportedLog
from llamawatt.imports.text_file import TextFile

TOOL = replace(
    nvidia_smi.TOOL, tool="nvidia-dmon", powers=("pwr",), note="Board power, to the watt."
)
_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})")
DATE, TIME = "date", "time"


def _header(line: str) -> list[str] | None:
    """Return the names of the columns if a line is the first of dmon's header lines."""
    if not line.lstrip().startswith("#"):
        return None
    values = line.strip().lstrip("#").lower().split()
    return values if "gpu" in values and "pwr" in values else None


def _recognise(file: TextFile) -> bool:
    return any(_header(line) is not None for line in file.head(5))


def _read(file: TextFile, options: Options) -> ImportedLog:
    return read_gpu_table(_as_table(file), options, TOOL)


def _as_table(file: TextFile) -> TextFile:
    """Return the same lines with tabs between values and one column of times."""
    head: list[str] = []
    days, before_s = 0, 0.0
    found = []
    for line in file.lines:
        names = _header(line)
        if names is not None:
            head = names
            found.append("\t".join(_without_clock(head, head, "timestamp")))
        elif line.lstrip().startswith("#"):
            found.append("")
        else:
            values = line.split()
            passed_s = _passed_s(head, values)
            days += passed_s is not None and before_s - passed_s > DAY_S / 2
            before_s = passed_s if passed_s is not None else before_s
            found.append("\t".join(_without_clock(head, values, _stamp(head, values, days))))
    return replace(file, lines=tuple(found))


def _passed_s(head: Sequence[str], values: Sequence[str]) -> float | None:
    if TIME not in head or DATE in head or len(values) <= head.index(TIME):
        return None
    return of_day_s(values[head.index(TIME)])


def _stamp(head: Sequence[str], values: Sequence[str], days: int) -> str:
    """Return the time of a line: a date with a time, or seconds."""
    if TIME not in head or len(values) <= head.index(TIME):
        return ""
    clock = values[head.index(TIME)]
    if DATE not in head:
        passed_s = of_day_s(clock)
        return "" if passed_s is None else f"{passed_s + days * DAY_S:.0f}"
    day = _DAY.sub(r"\1-\2-\3", values[head.index(DATE)])
    return f"{day} {clock}"


def _without_clock(head: Sequence[str], values: Sequence[str], stamp: str) -> list[str]:
    """Return values with their date and time made one, at the front."""
    if TIME not in head:
        return list(values)
    places = {head.index(name) for name in (DATE, TIME) if name in head}
    return [stamp, *(value for place, value in enumerate(values) if place not in places)]


FORMAT = Format("dmon", "what nvidia-smi dmon prints", _recognise, _read)
