"""What a reader of one format is: how its files are known, and how they are read."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from llamawatt.core.errors import UsageError
from llamawatt.imports.recorded import ImportedLog
from llamawatt.imports.text_file import TextFile

_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(ms|s|sec|min)?")
_SCALES_S = {"ms": 1e-3, "s": 1.0, "sec": 1.0, "min": 60.0}


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may tell about a log that the log does not tell itself.

    Attributes:
        domain: Name for what was recorded, where the log has one device.
        columns: Names of the columns of a file without a header.
        interval_s: Time between samples of a file without times.
        unit: Unit of figures that have none: W, kW, Wh or kWh.
    """

    domain: str | None = None
    columns: tuple[str, ...] = ()
    interval_s: float | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """One form in which a tool writes energy or power.

    Attributes:
        name: Its name on the command line.
        title: What it is, in words for a reader.
        recognise: Tells its files from others by their text alone.
        read: Reads one; raises `UsageError` with file and line.
    """

    name: str
    title: str
    recognise: Callable[[TextFile], bool]
    read: Callable[[TextFile, Options], ImportedLog]

    def log(self, file: TextFile, options: Options) -> ImportedLog:
        """Read a file and say what it was taken for.

        Raises:
            UsageError: it cannot be read; file and line are named.
        """
        return replace(self.read(file, options), title=self.title)


def interval_s_of(text: str) -> float:
    """Return seconds from `0.1`, `100ms`, `1s` or `1min`.

    Raises:
        UsageError: it is none of them, or not above zero.
    """
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None or not float(match[1]) > 0:
        raise UsageError(
            f"--interval {text!r} is not a length of time above zero.",
            "Write it as 0.1, 100ms, 1s or 1min.",
        )
    return float(match[1]) * _SCALES_S[match[2] or "s"]
