"""Trials as columns, without making a record of each: for runs too large for that."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
from pyarrow import json as arrow_json

from llamawatt.core.errors import RunDirectoryError
from llamawatt.core.trials import IDLE_LEVELS, Metrics
from llamawatt.runs.store import TRIALS_FILE

_BLOCK_BYTES = 1 << 20
_N_READERS = 2
_COUNTS = {"n_replies", "n_prompt", "n_generated"}


def read_columns(run: Path, domains: Sequence[str]) -> pa.Table:
    """Read what an analysis needs of every trial; requests and evidence are passed over.

    Two threads read, each its half of the file block by block: a reader that shares out the blocks
    of one file would hold all of it in memory at once.
    A half-written last line is left out, as `read_run` does.

    Args:
        run: The run directory.
        domains: Names of the domains that trials may have.

    Raises:
        RunDirectoryError: a line is no trial.
    """
    path = run / TRIALS_FILE
    options = arrow_json.ParseOptions(
        explicit_schema=_schema(domains), unexpected_field_behavior="ignore"
    )

    def read(piece: tuple[int, int]) -> pa.Table:
        start, end = piece
        with pa.OSFile(str(path)) as file:
            return arrow_json.read_json(
                file.get_stream(start, end - start),
                read_options=arrow_json.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False),
                parse_options=options,
            )

    try:
        with ThreadPoolExecutor(_N_READERS) as pool:
            return pa.concat_tables(pool.map(read, _pieces(path)))
    except (OSError, pa.ArrowInvalid) as error:
        raise RunDirectoryError(
            f"{path} holds a line that is no trial ({error}).",
            "Copy the directory, and move the broken line out of trials.jsonl.",
        ) from error


def torn_warning(run: Path) -> str:
    """Say that the end of the trials was torn off by a kill; empty when it was not."""
    path = run / TRIALS_FILE
    torn = path.stat().st_size - _whole_bytes(path)
    return f"{path.name} ends in a half-written line of {torn} bytes; left out." if torn else ""


def _whole_bytes(path: Path) -> int:
    """Length of the file up to its last newline."""
    size = path.stat().st_size
    with path.open("rb") as file:
        for end in range(size, 0, -_BLOCK_BYTES):
            start = max(0, end - _BLOCK_BYTES)
            file.seek(start)
            at = file.read(end - start).rfind(b"\n")
            if at >= 0:
                return start + at + 1
    return 0


def _pieces(path: Path) -> list[tuple[int, int]]:
    """Where each reader starts and ends: at whole lines, about as much for each."""
    end = _whole_bytes(path)
    cuts = {0, end}
    with path.open("rb") as file:
        for i in range(1, _N_READERS):
            file.seek(end * i // _N_READERS)
            file.readline()
            cuts.add(min(file.tell(), end))
    return [*pairwise(sorted(cuts))] or [(0, end)]


def _schema(domains: Sequence[str]) -> pa.Schema:
    text, number, words = pa.string(), pa.float64(), pa.list_(pa.string())
    energy = pa.struct(
        [
            ("energy_j", number),
            ("above_idle_j", number),
            ("above_idle_uncertainty_j", number),
            ("systematic_j", number),
            ("mean_power_w", number),
            ("method", text),
            ("source", text),
            ("in_total", pa.bool_()),
            ("flags", words),
        ]
    )
    idle = pa.struct([("power_w", number), ("uncertainty_w", number), ("method", text)])
    idles = pa.struct([(name, idle) for name in domains])
    energies = pa.struct([(name, energy) for name in domains])
    metrics = [(f.name, pa.int64() if f.name in _COUNTS else number) for f in fields(Metrics)]
    return pa.schema(
        [
            ("schema", pa.int64()),
            ("trial_id", text),
            ("arm", text),
            ("suite", text),
            ("block", pa.int64()),
            ("order", pa.int64()),
            ("session", pa.int64()),
            ("purpose", text),
            ("status", text),
            ("error", text),
            ("flags", words),
            ("window", pa.struct([("duration_s", number)])),
            ("metrics", pa.struct(metrics)),
            ("energy", energies),
            ("idle", pa.struct([(level, idles) for level in IDLE_LEVELS])),
            ("load", pa.struct([("duration_s", number), ("energy", energies)])),
        ]
    )
