"""Sensor logs of HWiNFO: one column a sensor, often in Latin-1, twice the same name for twins.

The file may end with its header once more and a line with the device of each column.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from llamawatt.core.errors import UsageError
from llamawatt.core.readings import DomainKind
from llamawatt.imports.clock_times import day_of, of_day_s
from llamawatt.imports.format import Format, Options
from llamawatt.imports.gpu_table import plain, unit_of
from llamawatt.imports.left_out import LeftOut
from llamawatt.imports.power_samples import UNITS_W
from llamawatt.imports.recorded import ImportedLog
from llamawatt.imports.table import Row, Table, read_table, separator_of, split
from llamawatt.imports.text_file import TextFile
from llamawatt.imports.timeline import by_moment
from llamawatt.imports.wide_table import Channel, power_domain, wide_log

TOOL = "hwinfo"
DATE, TIME = "Date", "Time"


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the machine, by the names that HWiNFO gives its power; the best name first."""

    names: tuple[str, ...]
    stem: str
    kind: DomainKind
    in_total: bool = True


_CORES = (
    "ia cores power",
    "cpu core power (svi2 tfn)",
    "cpu core power (svi3 tfn)",
    "cpu core power",
)
_PARTS = (
    _Part(("cpu package power", "cpu ppt"), "cpu-package", DomainKind.CPU_PACKAGE),
    _Part(_CORES, "cpu-core", DomainKind.CPU_CORE, in_total=False),
    _Part(("gt cores power",), "cpu-graphics", DomainKind.OTHER, in_total=False),
    _Part(("total dram power", "dram power"), "dram", DomainKind.DRAM),
)
_GPUS = (
    ("gpu power",),
    ("total board power (tbp)", "total graphics power (tgp)", "gpu asic power", "gpu chip power"),
)
"""What NVIDIA's cards and AMD's are called; of AMD's several columns the widest is taken."""


def _is_header(values: Sequence[str]) -> bool:
    return list(values[:2]) == [DATE, TIME]


def _recognise(file: TextFile) -> bool:
    return any(_is_header(split(line, separator_of(line))) for line in file.head(3))


def _read(file: TextFile, _: Options) -> ImportedLog:
    left_out = LeftOut()
    table = read_table(file, left_out, _is_header)
    names = {row.number: row for row in table.rows if not (row.text(DATE) or row.text(TIME))}
    devices = next(iter(names.values()), None)
    rows = [row for row in table.rows if row.number not in names]
    channels = _channels(table, devices)
    if not channels:
        raise UsageError(
            f"{file.path} has no column of power; it has {', '.join(table.columns[:12])}, ….",
            "Log CPU Package Power and GPU Power in HWiNFO's sensor window.",
        )
    timeline = by_moment(rows, _moment, left_out)
    notes = [
        f"HWiNFO names {channel.column.rpartition(' #')[0]!r} more than once; "
        f"{channel.domain.name} is column {channel.column!r}."
        for channel in channels
        if " #" in channel.column
    ]
    return wide_log(file, timeline, channels, left_out, TOOL, notes)


def _moment(row: Row) -> datetime | None:
    midnight, passed_s = day_of(row.text(DATE)), of_day_s(row.text(TIME))
    if midnight is None or passed_s is None:
        return None
    return midnight + timedelta(seconds=passed_s)


def _columns(table: Table, names: Sequence[str]) -> list[str]:
    """Return the columns of the first of these names that the table has, twins included."""
    for name in names:
        found = [c for c in table.columns if _plain(c) == name and unit_of(c) in {"w", "mw"}]
        if found:
            return found
    return []


def _plain(column: str) -> str:
    """Return a column's name without its unit, small; brackets within the name stay."""
    name, _, _ = column.rpartition(" [")
    return (name or plain(column)).strip().lower()


def _channels(table: Table, devices: Row | None) -> list[Channel]:
    found = [
        _channel(column, f"{part.stem}-{place}", part, devices)
        for part in _PARTS
        for place, column in enumerate(_columns(table, part.names))
    ]
    seen: set[str] = set()
    gpus: list[Channel] = []
    for column in (column for names in _GPUS for column in _columns(table, names)):
        device = devices.text(column) if devices is not None else ""
        if device and device in seen:
            continue
        seen.add(device)
        part = _Part((), "gpu", DomainKind.GPU, not _is_integrated(device))
        gpus.append(_channel(column, f"gpu-{len(gpus)}", part, devices))
    return found + gpus


def _is_integrated(device: str) -> bool:
    """Tell whether a GPU is within a processor, by its name."""
    name = device.lower()
    return ("intel" in name and "arc" not in name) or name.endswith("graphics")


def _channel(column: str, name: str, part: _Part, devices: Row | None) -> Channel:
    device = devices.text(column) if devices is not None else ""
    domain = power_domain(
        TOOL,
        name,
        part.kind,
        in_total=part.in_total,
        device=device,
        note="" if part.in_total else "Its energy is in the processor package.",
    )
    return Channel(column, domain, UNITS_W.get(unit_of(column), 1.0))


FORMAT = Format("hwinfo", "a sensor log of HWiNFO", _recognise, _read)
