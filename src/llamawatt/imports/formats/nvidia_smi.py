"""Power of NVIDIA GPUs in CSV: what `nvidia-smi --query-gpu` writes, or `timestamp,power_w`."""

from pathlib import Path

from llamawatt.core.errors import UsageError
from llamawatt.imports.clock_times import moment_of
from llamawatt.imports.format import Format, Options
from llamawatt.imports.gpu_table import GpuTool, first_line_fits, plain, read_gpu_table
from llamawatt.imports.power_samples import power_w_of
from llamawatt.imports.recorded import ImportedLog
from llamawatt.imports.table import separator_of, split
from llamawatt.imports.text_file import TextFile, read_text_file
from llamawatt.meters.device_facts import SENSOR_PAPER

TOOL = GpuTool(
    tool="nvml-csv",
    powers=(
        "power_w", "power.draw.instant", "power.draw", "power.draw.average", "power_draw_w",
        "gpu_power_w", "power_draw", "gpu_power", "power",
    ),
    gain_error=0.05,
    gain_source=SENSOR_PAPER,
    note="Board power; averaged over a second by the driver on most boards since Ampere.",
)  # fmt: skip
EXAMPLE = "--columns timestamp,index,power.draw"


def read_nvml_csv(path: Path, domain: str = "gpu-0") -> ImportedLog:
    """Read power samples of a GPU.

    Args:
        path: The file.
        domain: Name to give to what was recorded.

    Raises:
        UsageError: it is no such file, or what it holds contradicts itself; file and line are
            named.
    """
    return FORMAT.log(read_text_file(path), Options(domain=None if domain == "gpu-0" else domain))


def _recognise(file: TextFile) -> bool:
    return first_line_fits(file, TOOL) or is_headless(file)


def is_headless(file: TextFile) -> bool:
    """Tell whether a file looks like nvidia-smi's rows without their header."""
    rows = [split(line, separator_of(line)) for line in file.head(3)]
    return bool(rows) and all(_is_reading(row) for row in rows)


def _is_reading(values: list[str]) -> bool:
    powers = [value for value in values if value.endswith("W") and power_w_of(value) is not None]
    timed = len(values) > 1 and moment_of(values[0]) is not None
    return bool(powers) or (timed and power_w_of(values[-1]) is not None)


def _read(file: TextFile, options: Options) -> ImportedLog:
    first = split(file.head(1)[0], separator_of(file.head(1)[0]))
    if not options.columns and not TOOL.is_header(first) and is_headless(file):
        raise UsageError(
            f"{file.path}:1 does not name its columns; the file looks like what nvidia-smi writes "
            "with --format=csv,noheader.",
            f"Name them in their order, as {EXAMPLE}.",
        )
    if options.columns and not any(plain(name) in TOOL.powers for name in options.columns):
        raise UsageError(
            f"--columns names no power: {', '.join(options.columns)}.",
            f"Name the power's column power.draw, as {EXAMPLE}.",
        )
    return read_gpu_table(file, options, TOOL)


FORMAT = Format(
    "nvml", "power of NVIDIA GPUs in CSV (nvidia-smi --query-gpu, or NVML)", _recognise, _read
)
