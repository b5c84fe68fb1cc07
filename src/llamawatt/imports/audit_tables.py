"""Two tables of a study that kept its latencies and its energies apart, as spans to audit.

A latency table has one row per request, written when it was answered, so its `timestamp` is the end
of `latency_ms`. An energy table has one row per recording of fixed length, written when the
recorder returned, so its `timestamp` is the end of the recording.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from llamawatt.core.errors import UsageError
from llamawatt.imports.audit import Audit, EnergyWindow, Span, audit
from llamawatt.imports.clock_times import moment, seconds_since
from llamawatt.imports.left_out import LeftOut
from llamawatt.imports.table import Row, read_table
from llamawatt.imports.text_file import read_text_file

LATENCY_COLUMNS = ("timestamp", "run_id", "backend", "prompt_id", "latency_ms")
ENERGY_COLUMNS = ("timestamp", "backend", "energy_joules", "notes")
PROMPT_NOTE = "prompt="
RECORDING_S = 5.0
LATE_S = 0.5
"""How far the start of a recording may lie from that of the latency that is said to hold it:
starting processes and writing files takes time, and the recording is not exact."""


@dataclass(frozen=True, slots=True)
class AuditedTables:
    """Two tables, audited.

    Attributes:
        audit: What the energy windows cover.
        n_inside: Recordings that lie within the latency of their own request, from its start on.
        n_unmatched: Recordings that belong to no request.
        assumption: What was taken for granted, in sentences.
    """

    audit: Audit
    n_inside: int
    n_unmatched: int
    assumption: str


@dataclass(frozen=True, slots=True)
class _Pair:
    """A recording and the request that it belongs to, if any."""

    window: EnergyWindow
    latency: Span | None

    @property
    def is_inside(self) -> bool:
        """Whether the recording began together with the latency and ended before it."""
        span, window = self.latency, self.window
        if span is None:
            return False
        return abs(window.t0_s - span.t0_s) <= LATE_S and window.t1_s < span.t1_s

    def work(self, *, recorder_blocks: bool) -> Span | None:
        """Return when the model ran."""
        if self.latency is None or not (recorder_blocks and self.is_inside):
            return self.latency
        return Span(self.latency.name, self.window.t1_s, self.latency.t1_s)


def audit_tables(
    latencies: Path,
    energies: Path,
    *,
    recording_s: float = RECORDING_S,
    recorder_blocks: bool = True,
) -> AuditedTables:
    """Audit the energies of a study against its requests.

    Args:
        latencies: CSV with timestamp, run_id, backend, prompt_id, latency_ms.
        energies: CSV with timestamp, backend, energy_joules, notes (`prompt=ID`).
        recording_s: Length of a recording; the tables do not tell it.
        recorder_blocks: Whether the program waited for the recorder before it started the model.
            Then a recording that lies at the start of a latency was made before the inference,
            though inside the time called latency. The times alone cannot tell whether it did.

    Raises:
        UsageError: a table is broken; file and line are named.
    """
    latency_rows, energy_rows = _read(latencies, LATENCY_COLUMNS), _read(energies, ENERGY_COLUMNS)
    first = moment(energy_rows[0], "timestamp")
    waiting: dict[tuple[str, str], list[Span]] = {}
    for row in latency_rows:
        waiting.setdefault(_key(row, row.text("prompt_id")), []).append(_latency(row, first))
    shortest_s = min(span.t1_s - span.t0_s for spans in waiting.values() for span in spans)
    pairs = [_pair(row, _window(row, first, recording_s), waiting) for row in energy_rows]
    n_inside = sum(1 for pair in pairs if pair.is_inside)
    work = [span for pair in pairs if (span := pair.work(recorder_blocks=recorder_blocks))]
    work += [span for left in waiting.values() for span in left]
    return AuditedTables(
        audit=audit([pair.window for pair in pairs], work),
        n_inside=n_inside,
        n_unmatched=sum(1 for pair in pairs if pair.latency is None),
        assumption=_assumption(n_inside, len(pairs), recording_s, shortest_s, recorder_blocks),
    )


def _read(path: Path, columns: Sequence[str]) -> list[Row]:
    left_out = LeftOut()
    table = read_table(read_text_file(path), left_out, lambda values: "timestamp" in values)
    table.require(columns)
    if left_out.n_lost:
        raise UsageError(f"{path}: {' '.join(left_out.notes)}", "Mend the file.")
    found = list(table.rows)
    if not found:
        raise UsageError(f"{path} has a header and no rows.")
    return found


def _key(row: Row, prompt_id: str) -> tuple[str, str]:
    return row.text("backend"), prompt_id


def _prompt(row: Row) -> str:
    note = row.text("notes")
    if not note.startswith(PROMPT_NOTE):
        raise UsageError(f"{row.where} names no prompt in its notes ({note!r}).", "Mend the file.")
    return note.removeprefix(PROMPT_NOTE)


def _latency(row: Row, first: datetime) -> Span:
    end_s = seconds_since(first, moment(row, "timestamp"), row)
    latency_s = row.number_in("latency_ms") / 1000
    if latency_s <= 0:
        raise UsageError(f"{row.where} has a latency of {latency_s} s.", "Mend the file.")
    return Span(f"{row.text('run_id')} {row.text('prompt_id')}", end_s - latency_s, end_s)


def _window(row: Row, first: datetime, recording_s: float) -> EnergyWindow:
    end_s = seconds_since(first, moment(row, "timestamp"), row)
    name = f"{row.text('backend')} {_prompt(row)} line {row.number}"
    return EnergyWindow(name, end_s - recording_s, end_s, row.number_in("energy_joules"))


def _pair(row: Row, window: EnergyWindow, waiting: dict[tuple[str, str], list[Span]]) -> _Pair:
    """Find the request of a recording: the next of its prompt to end after it, taken once."""
    spans = waiting.get(_key(row, _prompt(row)), [])
    later = [span for span in spans if span.t1_s >= window.t1_s]
    if not later:
        return _Pair(window, None)
    nearest = min(later, key=lambda span: span.t1_s)
    spans.remove(nearest)
    return _Pair(window, nearest)


def _assumption(
    n_inside: int, n_windows: int, recording_s: float, shortest_s: float, recorder_blocks: bool
) -> str:
    said = (
        f"Timestamps are taken as the ends of latencies and of recordings of {recording_s:g} s. "
        f"{n_inside} of {n_windows} recordings begin together with their request's latency and "
        f"end before it; the shortest latency is {shortest_s:.2f} s."
    )
    if not n_inside:
        return said
    if not recorder_blocks:
        return f"{said} The model is taken to run from the start of the latency."
    return (
        f"{said} There the model is taken to start when its recording has ended, as it does in a "
        "program that waits for its recorder; the times alone cannot show that."
    )
