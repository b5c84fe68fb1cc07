"""What tegrastats of NVIDIA's Jetson boards prints: momentary and mean milliwatts of each rail."""

import re
from dataclasses import replace

from llamawatt.core.errors import UsageError
from llamawatt.core.readings import DomainKind
from llamawatt.imports.clock_times import moment_of
from llamawatt.imports.format import Format, Options
from llamawatt.imports.left_out import LeftOut
from llamawatt.imports.recorded import ImportedLog
from llamawatt.imports.table import Row
from llamawatt.imports.text_file import TextFile
from llamawatt.imports.timeline import Timeline, by_interval, by_moment
from llamawatt.imports.wide_table import Channel, power_domain, wide_log

TOOL = "tegrastats"
STAMP = "timestamp"
_RAIL = re.compile(
    r"\b((?:VDD|VIN|POM|VDDQ|NC)_[A-Z0-9_]+|VDDRQ|SYS5V|(?<= )(?:GPU|CPU|SOC|CV))"
    r" (\d+)(mW)?/(\d+)(mW)?(?![\d/]*[kM]?B)"
)
_STAMP = re.compile(r"^(\d{2}-\d{2}-\d{4} \d{2}:\d{2}:\d{2})\b")
_MARK = re.compile(r"\bRAM \d+/\d+MB\b")
WHOLE = ("VDD_IN", "POM_5V_IN", "VIN_SYS_IN")
"""Rails that feed the whole module; the others lie behind them."""
_KINDS = (
    (re.compile(r"GPU"), "gpu", DomainKind.GPU),
    (re.compile(r"CPU"), "cpu-package", DomainKind.CPU_PACKAGE),
)


def _recognise(file: TextFile) -> bool:
    return any(_MARK.search(line) and _RAIL.search(line) for line in file.head())


def _read(file: TextFile, options: Options) -> ImportedLog:
    left_out = LeftOut()
    rows = []
    for number, line in enumerate(file.lines, start=1):
        rails = {match[1]: f"{match[2]} mW" for match in _RAIL.finditer(line)}
        stamp = _STAMP.match(line.strip())
        if not line.strip():
            left_out.skip(number, "blank")
        elif not rails:
            left_out.add(number, "no rail's power")
        else:
            rows.append(Row(file.path, number, {STAMP: stamp[1] if stamp else "", **rails}))
    if not rows:
        raise UsageError(f"{file.path} has no power of any rail.")
    if not file.is_ended and len(rows) > 1 and set(rows[-1].values) < set(rows[-2].values):
        left_out.add(rows.pop().number, "the last line is cut short")
    timeline = _timeline(rows, options, left_out)
    return wide_log(file, timeline, _channels(rows), left_out, TOOL)


def _timeline(rows: list[Row], options: Options, left_out: LeftOut) -> Timeline:
    if all(row.text(STAMP) for row in rows):
        found = by_moment(rows, lambda row: moment_of(row.text(STAMP), month_first=True), left_out)
        return replace(found, whole_seconds=True)
    return by_interval(rows, options.interval_s, lambda _: 0)


def _channels(rows: list[Row]) -> list[Channel]:
    rails = list(dict.fromkeys(name for row in rows for name in row.values if name != STAMP))
    whole = next((rail for rail in WHOLE if rail in rails), None)
    channels, seen = [], set()
    for rail in rails:
        name, kind = _name(rail, whole)
        if name in seen:
            name = f"{name}-{rail.lower()}"
        seen.add(name)
        behind = "" if rail == whole or whole is None else f" Part of {whole}."
        domain = power_domain(
            TOOL,
            name,
            kind,
            in_total=whole is None or rail == whole,
            device=rail,
            note=f"The rail {rail}.{behind}",
        )
        channels.append(Channel(rail, domain))
    return channels


def _name(rail: str, whole: str | None) -> tuple[str, DomainKind]:
    if rail == whole:
        return "soc-0", DomainKind.SOC
    for pattern, stem, kind in _KINDS:
        if pattern.search(rail):
            return f"{stem}-0", kind
    return f"rail-{rail.lower()}", DomainKind.OTHER


FORMAT = Format("tegrastats", "what tegrastats of a Jetson prints", _recognise, _read)
