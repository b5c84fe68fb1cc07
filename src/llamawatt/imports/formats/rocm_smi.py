"""Power of AMD GPUs as `rocm-smi --showpower` writes it: CSV, JSON or text, again and again.

It writes no times: name the interval, or let `date` write a line before each look.
"""

import re
from collections.abc import Iterator

from llamawatt.core.errors import UsageError
from llamawatt.imports.clock_times import moment_of
from llamawatt.imports.format import Format, Options
from llamawatt.imports.gpu_table import GpuTool, first_line_fits, gpu_log, plain, read_gpu_table
from llamawatt.imports.json_documents import begins_as_json, documents
from llamawatt.imports.left_out import LeftOut
from llamawatt.imports.recorded import ImportedLog
from llamawatt.imports.table import Row, Table
from llamawatt.imports.text_file import TextFile

POWERS = (
    "average graphics package power",
    "current socket graphics package power",
    "current socket power",
    "average socket power",
)
TOOL = GpuTool(
    tool="rocm-smi",
    powers=POWERS,
    gain_error=0.1,
    gain_source="stated: AMD publishes no accuracy of its sensors",
    note="Power of the graphics package.",
)
_LINE = re.compile(r"^\s*GPU\[(\d+)\]\s*:\s*(.+?)\s*\(W\):\s*(\S+)\s*$")


def _says_power(line: str) -> bool:
    match = _LINE.match(line)
    return match is not None and match[2].lower() in POWERS


def _is_json(file: TextFile) -> bool:
    return begins_as_json(file) and any("Package Power (W)" in line for line in file.lines[:200])


def _recognise(file: TextFile) -> bool:
    is_text = any(_says_power(line) for line in file.lines[:200])
    return is_text or _is_json(file) or first_line_fits(file, TOOL)


def _read(file: TextFile, options: Options) -> ImportedLog:
    if _is_json(file):
        left_out = LeftOut("sample")
        rows = list(_json_rows(file, left_out))
    elif any(_says_power(line) for line in file.lines):
        left_out = LeftOut()
        rows = list(_text_rows(file))
    else:
        return read_gpu_table(file, options, TOOL)
    if not rows:
        raise UsageError(f"{file.path} tells the power of no GPU.", "Use rocm-smi --showpower.")
    has_times = all(row.text("timestamp") for row in rows)
    columns = (*(("timestamp",) if has_times else ()), "card", POWERS[0])
    return gpu_log(file, Table(file.path, columns, tuple(rows)), left_out, options, TOOL)


def _text_rows(file: TextFile) -> Iterator[Row]:
    """Yield the powers in a text, each with the last time that stands above it."""
    stamp = ""
    for number, line in enumerate(file.lines, start=1):
        match = _LINE.match(line)
        if match is not None and match[2].lower() in POWERS:
            values = {"timestamp": stamp, "card": f"gpu{match[1]}", POWERS[0]: match[3]}
            yield Row(file.path, number, values)
        elif not match and moment_of(line) is not None:
            stamp = line.strip()


def _json_rows(file: TextFile, left_out: LeftOut) -> Iterator[Row]:
    number = 0
    for document in documents(file, left_out):
        if not isinstance(document, dict):
            continue
        stamp = str(document.get("timestamp", ""))
        for card, told in document.items():
            if not (isinstance(told, dict) and str(card).startswith("card")):
                continue
            power = {plain(str(name)): value for name, value in told.items()}
            text = next((str(power[name]) for name in POWERS if name in power), "N/A")
            number += 1
            yield Row(file.path, number, {"timestamp": stamp, "card": card, POWERS[0]: text})


FORMAT = Format("rocm-smi", "power of AMD GPUs as rocm-smi writes it", _recognise, _read)
