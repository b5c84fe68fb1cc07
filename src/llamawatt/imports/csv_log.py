"""Power samples in CSV files: `timestamp,power_w`, or what `nvidia-smi --query-gpu` writes."""

from pathlib import Path

from llamawatt.core.errors import UsageError
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity
from llamawatt.imports.clock_times import moment, seconds_since
from llamawatt.imports.csv_text import Row, finite, header_of, read_lines, require_columns, rows
from llamawatt.imports.recorded import ImportedLog, ImportedSeries, gap_flags, kept_rows
from llamawatt.meters.device_facts import SENSOR_PAPER

TOOL = "nvml-csv"
TIME = "timestamp"
POWER_COLUMNS = ("power_w", "power.draw [W]", "power.draw", "power.draw.instant [W]")
GAIN_ERROR = 0.05


def read_nvml_csv(path: Path, domain: str = "gpu-0") -> ImportedLog:
    """Read power samples of a GPU.

    Args:
        path: The file.
        domain: Name to give to what was recorded.

    Raises:
        UsageError: it is no such file, a line is broken, or times run backwards; file and line are
            named.
    """
    lines = read_lines(path)
    separator, columns = header_of(path, lines[0])
    power = next((name for name in POWER_COLUMNS if name in columns), POWER_COLUMNS[0])
    require_columns(path, columns, (TIME, power))
    found = list(rows(path, lines, separator, columns))
    if not found:
        raise UsageError(f"{path} has a header and no samples.")
    moments = [moment(row, TIME) for row in found]
    t_s = [seconds_since(moments[0], at, row) for row, at in zip(found, moments, strict=True)]
    kept, notes = kept_rows(found, t_s)
    kept_s = tuple(t_s[i] for i in kept)
    power_w = tuple(_power_w(found[i], power) for i in kept)
    return ImportedLog(
        source=path.name,
        tool=TOOL,
        started_at=moments[0],
        series=(ImportedSeries(_domain(domain), kept_s, power_w),),
        flags=gap_flags(kept_s),
        notes=notes,
    )


def _power_w(row: Row, column: str) -> float:
    power_w = finite(row.text(column).removesuffix("W"), f"{row.where}, column {column!r}")
    if power_w < 0:
        raise UsageError(f"{row.where} holds {power_w} W; a GPU gives no power back.")
    return power_w


def _domain(name: str) -> Domain:
    return Domain(
        name=name,
        kind=DomainKind.GPU,
        quantity=Quantity.POWER,
        method=Method.IMPORT,
        source=TOOL,
        gain_error=GAIN_ERROR,
        gain_source=SENSOR_PAPER,
        note="Board power; averaged over a second by the driver on most boards since Ampere.",
    )
