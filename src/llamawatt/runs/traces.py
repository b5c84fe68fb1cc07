"""Raw samples of a trial, one parquet file each, so that any energy can be recomputed."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from llamawatt.core.errors import RunDirectoryError
from llamawatt.host.atomic_file import whole_file
from llamawatt.runs.samples import RawTrace
from llamawatt.runs.store import TRACES_FOLDER


def write_trace(run: Path, trial_id: str, traces: Mapping[str, RawTrace]) -> None:
    """Write the samples of one trial.

    Raises:
        RunDirectoryError: the file could not be written.
    """
    path = trace_path(run, trial_id)

    def failed(why: str) -> RunDirectoryError:
        return RunDirectoryError(
            f"Could not write {path} ({why}).", "Free disk space, then go on with --resume."
        )

    with whole_file(path, failed) as part:
        pq.write_table(_table(traces), part, compression="zstd")


def read_trace(run: Path, trial_id: str) -> dict[str, RawTrace]:
    """Read the samples of one trial by domain; empty when the file is missing.

    Raises:
        RunDirectoryError: the file is broken.
    """
    path = trace_path(run, trial_id)
    if not path.is_file():
        return {}
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise RunDirectoryError(f"{path} is not a readable trace ({error}).") from error
    encoded = table["domain"].cast(pa.string()).combine_chunks().dictionary_encode()
    rows_of, names = encoded.indices.to_numpy(), encoded.dictionary.to_pylist()
    columns = {
        name: np.asarray(table[name], dtype=float) for name in ("t_s", "energy_j", "power_w")
    }
    return {
        name: _domain(columns, np.flatnonzero(rows_of == code)) for code, name in enumerate(names)
    }


def trace_path(run: Path, trial_id: str) -> Path:
    """Return where the samples of a trial are kept."""
    return run / TRACES_FOLDER / f"{trial_id}.parquet"


def _domain(columns: Mapping[str, NDArray[np.float64]], rows: NDArray[np.intp]) -> RawTrace:
    energy_j, power_w = columns["energy_j"][rows], columns["power_w"][rows]
    return RawTrace(
        columns["t_s"][rows],
        None if np.isnan(energy_j).all() else energy_j,
        None if np.isnan(power_w).all() else power_w,
    )


def _table(traces: Mapping[str, RawTrace]) -> pa.Table:
    names, times, energies, powers = [], [], [], []
    for domain, trace in traces.items():
        count = len(trace.t_s)
        absent = np.full(count, np.nan)
        names.append(np.full(count, domain, dtype=object))
        times.append(trace.t_s)
        energies.append(absent if trace.energy_j is None else trace.energy_j)
        powers.append(absent if trace.power_w is None else trace.power_w)
    domain_column = pa.array(np.concatenate(names) if names else [], pa.string())
    return pa.table(
        {
            "domain": domain_column.dictionary_encode(),
            "t_s": _column(times),
            "energy_j": _column(energies),
            "power_w": _column(powers),
        }
    )


def _column(parts: list[NDArray[np.float64]]) -> pa.Array:
    return pa.array(np.concatenate(parts) if parts else [], pa.float64(), from_pandas=True)
