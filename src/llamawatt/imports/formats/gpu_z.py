"""Sensor logs of TechPowerUp GPU-Z: one card a file, times to the second."""

from collections.abc import Sequence

from llamawatt.core.errors import UsageError
from llamawatt.core.readings import DomainKind
from llamawatt.imports.format import Format, Options
from llamawatt.imports.left_out import LeftOut
from llamawatt.imports.recorded import ImportedLog
from llamawatt.imports.table import read_table, separator_of, split
from llamawatt.imports.text_file import TextFile
from llamawatt.imports.timeline import by_column
from llamawatt.imports.wide_table import Channel, power_domain, wide_log

TOOL = "gpu-z"
DATE = "Date"
POWERS = (
    ("Board Power Draw [W]", "The whole board."),
    ("Power Consumption (W) [W]", "The whole board."),
    ("Power Consumption [W]", "The whole board."),
    ("GPU Power Draw [W]", "As the card calls it; memory and regulators may not be in it."),
    ("GPU Chip Power Draw [W]", "The chip alone: memory and regulators are not in it."),
    ("GPU only Power Draw [W]", "The chip alone: memory and regulators are not in it."),
)
SHARE = "TDP"


def _is_header(values: Sequence[str]) -> bool:
    return bool(values) and values[0] == DATE and any("GPU" in value for value in values[1:])


def _recognise(file: TextFile) -> bool:
    heads = [split(line, separator_of(line)) for line in file.head(3)]
    return any(_is_header(values) and "Time" not in values[:2] for values in heads)


def _read(file: TextFile, options: Options) -> ImportedLog:
    left_out = LeftOut()
    table = read_table(file, left_out, _is_header)
    found = [(column, note) for column, note in POWERS if column in table.columns]
    if not found:
        share = any(SHARE in column for column in table.columns)
        why = "tells power only as a share of the card's limit" if share else "has no power"
        raise UsageError(
            f"{file.path} {why}; its columns are {', '.join(table.columns)}.",
            "Log Board Power Draw in GPU-Z, or the power of nvidia-smi or amd-smi.",
        )
    column, note = found[0]
    domain = power_domain(TOOL, options.domain or "gpu-0", DomainKind.GPU, note=note)
    notes = [f"{column}: {note}"]
    timeline = by_column(table.rows, DATE, left_out)
    return wide_log(file, timeline, [Channel(column, domain)], left_out, TOOL, notes)


FORMAT = Format("gpu-z", "a sensor log of GPU-Z", _recognise, _read)
