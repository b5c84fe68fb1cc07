"""Which form a log has, and reading it."""

from pathlib import Path

from llamawatt.core.errors import UsageError
from llamawatt.core.suggest import meant
from llamawatt.imports.format import Format, Options
from llamawatt.imports.formats import (
    amd_smi,
    codecarbon,
    gpu_z,
    home_assistant,
    hwinfo,
    llama_bench,
    nvidia_dmon,
    nvidia_smi,
    perf_stat,
    power_gadget,
    powermetrics,
    powerstat,
    rocm_smi,
    tegrastats,
    turbostat,
)
from llamawatt.imports.recorded import ImportedLog
from llamawatt.imports.text_file import TextFile, read_text_file

FORMATS: tuple[Format, ...] = (
    power_gadget.FORMAT,
    hwinfo.FORMAT,
    codecarbon.FORMAT,
    llama_bench.FORMAT,
    home_assistant.FORMAT,
    powermetrics.FORMAT,
    perf_stat.FORMAT,
    powerstat.FORMAT,
    tegrastats.FORMAT,
    nvidia_dmon.FORMAT,
    turbostat.FORMAT,
    rocm_smi.FORMAT,
    amd_smi.FORMAT,
    gpu_z.FORMAT,
    nvidia_smi.FORMAT,
)
"""Every form, those that are known by the surest signs first."""


def read_log(path: Path, name: str, options: Options) -> ImportedLog:
    """Read a log.

    Args:
        path: The file.
        name: The form, or `auto` to find it out.
        options: What the log does not tell itself.

    Raises:
        UsageError: the form is not known or the file is not of it; file and line are named.
    """
    if name != "auto" and name not in names():
        known = ("auto", *names())
        raise UsageError(
            f"{name!r} is no form of log that can be read.",
            f"{meant(name, known)}Known are {', '.join(known)}.",
        )
    file = read_text_file(path)
    form = recognised(file, options) if name == "auto" else named(name)
    return form.log(file, options)


def names() -> tuple[str, ...]:
    """Return the names of all forms."""
    return tuple(form.name for form in FORMATS)


def named(name: str) -> Format:
    """Return a form by its name.

    Raises:
        KeyError: there is none of that name.
    """
    return {form.name: form for form in FORMATS}[name]


def recognised(file: TextFile, options: Options) -> Format:
    """Return the form that a file has.

    Raises:
        UsageError: it has none that is known.
    """
    for form in FORMATS:
        if form.recognise(file):
            return form
    if options.columns:
        return nvidia_smi.FORMAT
    begins = next(line for line in file.lines if line.strip()).strip()[:60]
    titles = "; ".join(f"{form.name}: {form.title}" for form in FORMATS)
    raise UsageError(
        f"{file.path} is no log that is known; it begins with {begins!r}.",
        f"Known are {titles}. If it is a table of GPU power, name its columns with --columns.",
    )
