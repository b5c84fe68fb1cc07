"""Power of AMD GPUs as `amd-smi` writes it: CSV, JSON, and the columns of `amd-smi monitor`."""

import re
from dataclasses import replace

from llamawatt.core.errors import UsageError
from llamawatt.imports.format import Format, Options
from llamawatt.imports.gpu_table import GpuTool, first_line_fits, gpu_log, read_gpu_table
from llamawatt.imports.json_documents import begins_as_json, documents, number_at
from llamawatt.imports.left_out import LeftOut
from llamawatt.imports.recorded import ImportedLog
from llamawatt.imports.table import Row, Table
from llamawatt.imports.text_file import TextFile

TOOL = GpuTool(
    tool="amd-smi",
    powers=("socket_power", "current_socket_power", "average_socket_power", "power_usage"),
    gain_error=0.1,
    gain_source="stated: AMD publishes no accuracy of its sensors",
    note="Power of the GPU's socket.",
)
MONITOR = replace(TOOL, powers=("power",))
_BLANKS = re.compile(r"\s{2,}|\t")
_HEAD = re.compile(r"^\s*(?:TIMESTAMP\s+)?GPU\s+(?:XCP\s+)?POWER\b")
_POWERS = (
    ("power", "socket_power"),
    ("power", "current_socket_power"),
    ("power", "average_socket_power"),
    ("power_usage",),
    ("socket_power",),
)
_JSON_MARK = re.compile(r'"(?:socket_power|current_socket_power|power_usage)"')


def _is_monitor(file: TextFile) -> bool:
    return any(_HEAD.match(line) for line in file.head())


def _is_json(file: TextFile) -> bool:
    return begins_as_json(file) and any(_JSON_MARK.search(line) for line in file.lines[:2000])


def _recognise(file: TextFile) -> bool:
    return _is_monitor(file) or _is_json(file) or first_line_fits(file, TOOL)


def _read(file: TextFile, options: Options) -> ImportedLog:
    if _is_json(file):
        return _read_json(file, options)
    if not _is_monitor(file):
        return read_gpu_table(file, options, TOOL)
    lines = ("\t".join(_monitor_values(line)) for line in file.lines)
    return read_gpu_table(replace(file, lines=tuple(lines)), options, MONITOR)


def _monitor_values(line: str) -> list[str]:
    if _HEAD.match(line):
        return line.lower().split()
    return _BLANKS.split(line.strip()) if line.strip() else []


def _read_json(file: TextFile, options: Options) -> ImportedLog:
    left_out = LeftOut("sample")
    rows = []
    for number, card in enumerate(_cards(documents(file, left_out)), start=1):
        power_w = next((w for path in _POWERS if (w := number_at(card, *path)) is not None), None)
        stamp = card.get("timestamp")
        values = {
            "gpu": str(card.get("gpu", "")),
            "socket_power": "N/A" if power_w is None else f"{power_w!r}",
        }
        rows.append(
            Row(file.path, number, values | ({} if stamp is None else {"timestamp": str(stamp)}))
        )
    if not rows:
        raise UsageError(f"{file.path} holds no GPU.", "Write it with amd-smi metric --json.")
    has_times = all("timestamp" in row.values for row in rows)
    columns = ("timestamp", "gpu", "socket_power") if has_times else ("gpu", "socket_power")
    return gpu_log(file, Table(file.path, columns, tuple(rows)), left_out, options, TOOL)


def _cards(found: list[object]) -> list[dict[str, object]]:
    """Return what is said of each GPU, in the order of the file, out of lists and wrappers."""
    cards: list[dict[str, object]] = []
    for value in found:
        if isinstance(value, list):
            cards += _cards(value)
        elif isinstance(value, dict):
            inner = value.get("gpu_data")
            cards += _cards(inner) if isinstance(inner, list) else [value] if "gpu" in value else []
    return cards


FORMAT = Format("amd-smi", "power of AMD GPUs as amd-smi writes it", _recognise, _read)
