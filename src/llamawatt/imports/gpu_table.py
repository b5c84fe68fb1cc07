"""Tables with one row for each look at one GPU: what nvidia-smi, amd-smi and rocm-smi write."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from llamawatt.core.errors import UsageError
from llamawatt.core.flags import Flag
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity
from llamawatt.imports.format import Options
from llamawatt.imports.left_out import LeftOut
from llamawatt.imports.power_samples import (
    UNITS_W,
    PowerSample,
    good_power_w,
    power_series,
    power_w_of,
)
from llamawatt.imports.recorded import ImportedLog, ImportedSeries, gap_flags, united
from llamawatt.imports.table import (
    Row,
    Table,
    is_missing,
    number_of,
    read_table,
    separator_of,
    split,
)
from llamawatt.imports.text_file import TextFile
from llamawatt.imports.timeline import Timeline, by_column, by_interval
from llamawatt.meters.energy.screening import MOST_W

TIMES = ("timestamp", "time", "datetime", "date_time", "date", "time_s", "elapsed_s", "t_s")
DEVICES = (
    "index", "gpu_index", "gpu_id", "gpu", "device", "card", "pci.bus_id", "gpu_bus_id", "bus_id",
    "pci.bus", "uuid", "gpu_uuid", "serial", "gpu_serial", "name", "gpu_name",
)  # fmt: skip
"""Columns that tell devices apart, those that do so best first."""
LIMITS = ("power.limit", "enforced.power.limit", "power_limit", "pwr_cap", "max_power")
"""Columns of the board's own limit, which a reading may pass by `LIMIT_MARGIN` for a moment."""
LIMIT_MARGIN = 1.5
NAMES = ("name", "gpu_name", "card series", "market_name")
_UNIT = re.compile(r"\s*[\[(]([^\])]*)[\])]\s*(#\d+)?$")
_NUMBERED = re.compile(r"(?:gpu|card|device)?[-_\s\[]*(\d+)\]?", re.IGNORECASE)


Key = tuple[str, ...]
"""What tells one device from the others."""


@dataclass(frozen=True, slots=True)
class GpuTool:
    """How one tool names its columns.

    Attributes:
        tool: What is recorded as the source.
        powers: Columns of power, the best first; written small and without their unit.
        gain_error: Relative error of the sensors, 95 % bound.
        gain_source: Where that comes from.
        note: What a reader should know of such a reading.
    """

    tool: str
    powers: tuple[str, ...]
    gain_error: float
    gain_source: str
    note: str = ""

    def is_header(self, values: Sequence[str]) -> bool:
        """Tell a line of column names: it names a time, a device or a power, and no number."""
        known = {plain(value) for value in values} & {*self.powers, *TIMES, *DEVICES}
        return bool(known) and not any(number_of(value) is not None for value in values)

    def names_power(self, values: Sequence[str]) -> bool:
        """Tell whether a line of column names has a power that this tool writes."""
        return self.is_header(values) and any(plain(value) in self.powers for value in values)


def plain(column: str) -> str:
    """Return the name of a column, small and without its unit."""
    return _UNIT.sub("", column.strip()).strip().lower()


def unit_of(column: str) -> str:
    """Return the unit of a column, small; empty if it names none."""
    match = _UNIT.search(column.strip())
    return match[1].strip().lower() if match else ""


def first_line_fits(file: TextFile, tool: GpuTool) -> bool:
    """Tell whether one of a file's first lines is a header of a tool."""
    return any(tool.names_power(split(line, separator_of(line))) for line in file.head())


def read_gpu_table(file: TextFile, options: Options, tool: GpuTool) -> ImportedLog:
    """Read a table of GPU power: one series for each device that a column tells apart.

    Raises:
        UsageError: it is no such table, devices are mixed without such a column, or times run
            backwards; file and line are named.
    """
    left_out = LeftOut()
    table = read_table(file, left_out, tool.is_header, options.columns)
    return gpu_log(file, table, left_out, options, tool)


def gpu_log(
    file: TextFile, table: Table, left_out: LeftOut, options: Options, tool: GpuTool
) -> ImportedLog:
    """Return the log of a table that was read already; see `read_gpu_table`."""
    powers = _power_columns(table, tool)
    if not table.rows:
        raise UsageError(f"{file.path} has a header and no samples.")
    device_columns = _device_columns(table.columns)
    timeline = _timeline(table, options, device_columns, left_out)
    groups = _by_device(timeline, device_columns)
    names = _names(groups, options)
    series: list[ImportedSeries] = []
    notes: list[str] = []
    silent: list[str] = []
    power = _best(powers, table.rows)
    limit_column = _first_of(table.columns, LIMITS)
    for key, members in groups.items():
        domain = _domain(names[key], key, timeline.rows[members[0]], tool)
        samples = _samples(timeline, members, power, limit_column, left_out)
        if not samples:
            silent.append(domain.name)
            continue
        found, said = power_series(
            domain,
            samples,
            is_told_apart=bool(device_columns),
            whole_seconds=timeline.whole_seconds,
        )
        series.append(found)
        notes += said
    if not series:
        raise UsageError(
            f"{file.path} has no power in any line ({', '.join(powers)}).",
            "This GPU or driver does not tell its power; meter it another way.",
        )
    left_out.require_most(file.path, sum(len(each.t_s) for each in series))
    return _log(file, timeline, series, (*notes, *_said(powers, power, silent)), left_out, tool)


def _log(
    file: TextFile,
    timeline: Timeline,
    series: Sequence[ImportedSeries],
    notes: Sequence[str],
    left_out: LeftOut,
    tool: GpuTool,
) -> ImportedLog:
    flags = [flag for each in series for flag in gap_flags(each.t_s)]
    flags += [*left_out.flags, *((Flag.TIMES_ASSUMED,) if timeline.is_assumed else ())]
    if any("is not measured" in note for note in notes):
        flags.append(Flag.GPU_NOT_MEASURED)
    first_s = min(each.t_s[0] for each in series)
    moved = tuple(replace(each, t_s=tuple(t - first_s for t in each.t_s)) for each in series)
    return ImportedLog(
        source=file.path.name,
        tool=tool.tool,
        started_at=timeline.started_at,
        series=moved,
        flags=united(flags),
        notes=(*dict.fromkeys(notes), *timeline.notes, *left_out.notes),
    )


def _power_columns(table: Table, tool: GpuTool) -> tuple[str, ...]:
    found = {plain(column): column for column in reversed(table.columns)}
    powers = tuple(found[name] for name in tool.powers if name in found)
    if not powers:
        table.require((tool.powers[0],))
    return powers


def _first_of(columns: Sequence[str], wanted: Sequence[str]) -> str | None:
    found = {plain(column): column for column in reversed(columns)}
    return next((found[name] for name in wanted if name in found), None)


def _timeline(
    table: Table, options: Options, device_columns: Sequence[str], left_out: LeftOut
) -> Timeline:
    time_column = _first_of(table.columns, TIMES)
    if time_column is None:
        return by_interval(table.rows, options.interval_s, _key_by(device_columns))
    if options.interval_s is not None:
        raise UsageError(
            f"{table.path} has times of its own, in {time_column!r}.", "Leave out --interval."
        )
    return by_column(table.rows, time_column, left_out)


def _device_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """Return every column that tells devices apart; names alone only where nothing else does."""
    found = {plain(column): column for column in reversed(columns)}
    present = [name for name in DEVICES if name in found]
    better = [name for name in present if name not in NAMES]
    return tuple(found[name] for name in better or present)


def _key_by(device_columns: Sequence[str]) -> Callable[[Row], Key]:
    return lambda row: tuple(row.text(column) for column in device_columns)


def _by_device(timeline: Timeline, device_columns: Sequence[str]) -> dict[Key, list[int]]:
    groups: dict[Key, list[int]] = {}
    key_of = _key_by(device_columns)
    for place, row in enumerate(timeline.rows):
        groups.setdefault(key_of(row), []).append(place)
    return groups


def _names(groups: Mapping[Key, object], options: Options) -> dict[Key, str]:
    """Return the name of each device: by its number, else by the order of the file."""
    matches = {key: _NUMBERED.fullmatch(key[0]) if key else None for key in groups}
    numbers = {key: int(match[1]) for key, match in matches.items() if match is not None}
    if len(groups) == 1:
        (key,) = groups
        return {key: options.domain or f"gpu-{numbers.get(key, 0)}"}
    if options.domain is not None:
        raise UsageError(
            f"--domain names one device, and this log has {len(groups)}.", "Leave out --domain."
        )
    if len(set(numbers.values())) == len(groups):
        return {key: f"gpu-{number}" for key, number in numbers.items()}
    return {key: f"gpu-{place}" for place, key in enumerate(groups)}


def _best(powers: Sequence[str], rows: Sequence[Row]) -> str:
    """Return the column of power that has a figure most often; the first of equals."""
    return max(powers, key=lambda column: sum(not is_missing(row.text(column)) for row in rows))


def _samples(
    timeline: Timeline,
    members: Sequence[int],
    power: str,
    limit_column: str | None,
    left_out: LeftOut,
) -> list[PowerSample]:
    """Return the readings of one device; none if it never tells one."""
    rows = [timeline.rows[place] for place in members]
    if all(is_missing(row.text(power)) for row in rows):
        return []
    scale = UNITS_W.get(unit_of(power), 1.0)
    found = []
    for place, row in zip(members, rows, strict=True):
        most_w = _most_w(row, limit_column)
        power_w = good_power_w(row, row.text(power), scale, most_w, left_out)
        if power_w is not None:
            found.append(PowerSample(row, timeline.t_s[place], power_w))
    return found


def _most_w(row: Row, limit_column: str | None) -> float:
    """Return more than a card can draw: by its own limit where a line tells that."""
    limit_w = power_w_of(row.text(limit_column)) if limit_column is not None else None
    return limit_w * LIMIT_MARGIN if limit_w else MOST_W[DomainKind.GPU]


def _said(powers: Sequence[str], power: str, silent: Sequence[str]) -> list[str]:
    said = [f"{name} tells no power: it is not measured." for name in silent]
    others = [column for column in powers if column != power]
    if others:
        said.append(f"Power was taken from {power!r}, not from {', '.join(map(repr, others))}.")
    return said


def _domain(name: str, key: Key, row: Row, tool: GpuTool) -> Domain:
    name_column = _first_of(tuple(row.values), NAMES)
    device = row.text(name_column) if name_column is not None else ", ".join(key)
    return Domain(
        name=name,
        kind=DomainKind.GPU,
        quantity=Quantity.POWER,
        method=Method.IMPORT,
        source=tool.tool,
        device=device,
        gain_error=tool.gain_error,
        gain_source=tool.gain_source,
        note=tool.note,
    )
