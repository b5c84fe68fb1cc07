"""CodeCarbon's emissions.csv: the totals of each run, without the samples that they are made of.

It does not say how the CPU was metered (a counter, or a share of its nominal power), and its memory
is a model, so everything is flagged as modelled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from llamawatt.core.errors import UsageError
from llamawatt.core.flags import Flag
from llamawatt.core.readings import Domain, DomainKind
from llamawatt.core.units import j_from_wh
from llamawatt.imports.clock_times import moment_of
from llamawatt.imports.format import Format, Options
from llamawatt.imports.intervals import Interval, energy_domain, interval_log
from llamawatt.imports.left_out import LeftOut
from llamawatt.imports.recorded import ImportedLog
from llamawatt.imports.table import Row, number_of, read_table, separator_of, split
from llamawatt.imports.text_file import TextFile

TOOL = "codecarbon"
RUN, DURATION, WHOLE = "run_id", "duration", "energy_consumed"
UNTOLD = "A counter, or a share of the CPU's nominal power; the file does not say which."
PARTS = {
    "cpu_energy": ("cpu-package-0", DomainKind.CPU_PACKAGE, UNTOLD),
    "gpu_energy": ("gpu-0", DomainKind.GPU, "All GPUs together."),
    "ram_energy": ("dram-0", DomainKind.DRAM, "Modelled from the amount of memory."),
}  # fmt: skip
LACKS = (
    "The file has totals alone: no samples, no idle power, and not which meters were used.",
    "The memory's energy is CodeCarbon's model.",
)
_TOLERANCE = 0.001
_ROUNDING_J = 0.01


@dataclass(frozen=True, slots=True)
class _Run:
    """One run: its line, when it ended, how long it was, and its joules by domain."""

    row: Row
    end: datetime
    length_s: float
    energy_j: dict[str, float]


def _is_header(values: Sequence[str]) -> bool:
    return {RUN, DURATION, WHOLE} <= {*values}


def _recognise(file: TextFile) -> bool:
    return any(_is_header(split(line, separator_of(line))) for line in file.head(3))


def _read(file: TextFile, _: Options) -> ImportedLog:
    left_out = LeftOut()
    table = read_table(file, left_out, _is_header)
    table.require(("timestamp", *PARTS))
    last = {row.text(RUN): row for row in table.rows}
    runs = [run for row in last.values() if (run := _run(row, left_out)) is not None]
    if not runs:
        raise UsageError(f"{file.path} has no finished run. {' '.join(left_out.notes)}")
    runs.sort(key=lambda run: run.end)
    began = runs[0].end
    intervals = [
        Interval(run.row.number, (run.end - began).total_seconds(), run.length_s, run.energy_j)
        for run in runs
    ]
    _require_apart(file, intervals)
    used = [name for name, _, _ in PARTS.values() if any(run.energy_j[name] > 0 for run in runs)]
    notes = [*LACKS, *_sums(runs)]
    if len(last) < len(table.rows):
        notes.append("Of lines of one run the last was taken: they hold its total so far.")
    if len(runs) > 1:
        notes.append(f"{len(runs)} runs one after the other; nothing is counted between them.")
    flags = [Flag.MODELLED, *(() if "gpu-0" in used else (Flag.GPU_NOT_MEASURED,))]
    return interval_log(
        file, TOOL, [d for d in _domains() if d.name in used], intervals, left_out,
        flags=flags, notes=notes,
    )  # fmt: skip


def _domains() -> list[Domain]:
    return [
        energy_domain(TOOL, name, kind, note=note, gain_error=0.5 if name != "gpu-0" else 0.05)
        for name, kind, note in PARTS.values()
    ]


def _run(row: Row, left_out: LeftOut) -> _Run | None:
    end, length_s = moment_of(row.text("timestamp")), number_of(row.text(DURATION))
    energies_kwh = {name: number_of(row.text(column)) for column, (name, _, _) in PARTS.items()}
    if end is None or not length_s or length_s <= 0 or None in energies_kwh.values():
        left_out.add(row.number, "a run without its time, length or energies")
        return None
    energy_j = {name: j_from_wh(1000 * (kwh or 0.0)) for name, kwh in energies_kwh.items()}
    return _Run(row, end.replace(tzinfo=None), length_s, energy_j)


def _require_apart(file: TextFile, intervals: Sequence[Interval]) -> None:
    for before, now in pairwise(intervals):
        if now.end_s - now.length_s < before.end_s - 1.0:
            raise UsageError(
                f"{file.path}:{now.number} ran at the same time as line {before.number}.",
                "Runs beside each other both hold the whole machine; keep one of them in the file.",
            )


def _sums(runs: Sequence[_Run]) -> list[str]:
    """Say of runs whose parts do not come to the total that the file states."""
    said = []
    for run in runs:
        told = number_of(run.row.text(WHOLE))
        parts_j = sum(run.energy_j.values())
        pue = number_of(run.row.text("pue")) or 1.0
        if told is None:
            continue
        told_j = j_from_wh(1000 * told)
        if (
            min(abs(told_j - parts_j), abs(told_j - pue * parts_j))
            > _TOLERANCE * told_j + _ROUNDING_J
        ):
            said.append(
                f"Line {run.row.number} states {told_j:.6g} J in total, its parts come to "
                f"{parts_j:.6g} J."
            )
    return said


FORMAT = Format("codecarbon", "CodeCarbon's emissions.csv", _recognise, _read)
