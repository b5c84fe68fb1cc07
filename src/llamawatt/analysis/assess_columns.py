"""The analysis of a run with very many trials, from columns instead of records.

It gives what `assess` gives; a test holds both against each other.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from llamawatt.analysis.assess import Assessment
from llamawatt.analysis.estimates.cells import Cell, CellKey, DomainColumns, remembering
from llamawatt.analysis.estimates.idle import IdleOf, Sessions, idle_of
from llamawatt.core.flags import Flag
from llamawatt.core.machine import MachineRecord
from llamawatt.core.plan import StudyRecord
from llamawatt.core.readings import Method
from llamawatt.core.trials import IDLE_LEVELS, Purpose, Status

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]

_DOMAIN_FIELDS = (
    "energy_j", "above_idle_j", "above_idle_uncertainty_j", "systematic_j", "mean_power_w"
)  # fmt: skip


def assess_columns(study: StudyRecord, machine: MachineRecord, table: pa.Table) -> Assessment:
    """Analyse a run whose trials were read as columns."""
    columns = _Columns(table)
    failed = np.flatnonzero(columns.words("status") == Status.FAILED)
    errors = table["error"].take(pa.array(failed)).to_pylist()
    return Assessment(
        study=study,
        machine=machine,
        cells=remembering(_cells(columns)),
        idle=_idle(columns),
        n_trials=table.num_rows,
        failures=tuple(error or "" for error in errors),
    )


class _Columns:
    """Columns of the table by path, as numpy arrays."""

    def __init__(self, table: pa.Table) -> None:
        self._columns = {name: table[name].combine_chunks() for name in table.column_names}
        self.n = table.num_rows

    def at(self, *path: str) -> Any:  # noqa: ANN401  # pyarrow has no types
        """Return the arrow array at a path of struct fields."""
        array = self._columns[path[0]]
        return pc.struct_field(array, list(path[1:])) if len(path) > 1 else array

    def names(self, *path: str) -> list[str]:
        """Return the names of a struct's fields."""
        return [field.name for field in self.at(*path).type]

    def numbers(self, *path: str) -> Floats:
        """Return numbers, NaN where missing."""
        return np.asarray(
            self.at(*path).cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=float
        )

    def words(self, *path: str) -> NDArray[np.object_]:
        """Return short words of few kinds, None where missing."""
        encoded = pc.dictionary_encode(self.at(*path))
        kinds = np.array([*encoded.dictionary.to_pylist(), None], dtype=object)
        codes = encoded.indices.fill_null(len(kinds) - 1).to_numpy(zero_copy_only=False)
        picked: NDArray[np.object_] = kinds[codes]
        return picked

    def sets(self, rows: Rows, *path: str) -> set[str]:
        """Return the kinds of words in some rows."""
        found = self.at(*path).take(pa.array(rows))
        return {word for word in pc.unique(found).to_pylist() if word is not None}


def _cells(columns: _Columns) -> dict[CellKey, Cell]:
    finished = (columns.words("status") == Status.OK) & columns.at("metrics").is_valid().to_numpy(
        zero_copy_only=False
    )
    figures = {name: columns.numbers("metrics", name) for name in columns.names("metrics")}
    duration_s = columns.numbers("window", "duration_s")
    figures["power_w"] = figures["energy_j"] * figures["n_replies"] / duration_s
    block, order = (columns.numbers(name).astype(np.int64) for name in ("block", "order"))
    flagged = _flag_pairs(columns)
    made = {}
    for key, rows in _groups(columns, np.flatnonzero(finished)).items():
        at = rows[np.argsort(order[rows], kind="stable")]
        made[key] = Cell(
            *key,
            block=block[at],
            order=order[at],
            duration_s=duration_s[at],
            columns={name: values[at] for name, values in figures.items()},
            domains=_domains(columns, at),
            flags=_flags(flagged, rows, columns.n),
            trial_ids=tuple(columns.at("trial_id").take(pa.array(at)).to_pylist()),
        )
    return made


def _groups(columns: _Columns, rows: Rows) -> dict[CellKey, Rows]:
    """Rows of each cell, cells in the order in which they first appear."""
    parts = [columns.words(name)[rows] for name in ("arm", "suite", "purpose")]
    coded = [np.unique(part.astype(str), return_inverse=True) for part in parts]
    code = np.ravel_multi_index(
        [inverse for _, inverse in coded], [max(1, kinds.size) for kinds, _ in coded]
    )
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    bounds = np.searchsorted(inverse[order], np.arange(first.size + 1))
    found = {}
    for number in np.argsort(first):
        at = first[number]
        key = (str(parts[0][at]), str(parts[1][at]), Purpose(parts[2][at]))
        found[key] = rows[order[bounds[number] : bounds[number + 1]]]
    return found


def _domains(columns: _Columns, at: Rows) -> dict[str, DomainColumns]:
    found = {}
    for name in columns.names("energy"):
        values = {field: columns.numbers("energy", name, field)[at] for field in _DOMAIN_FIELDS}
        known = at[np.isfinite(values["energy_j"])]
        if known.size:
            in_total = columns.at("energy", name, "in_total").take(pa.array(known))
            found[name] = DomainColumns(
                **values,
                methods=frozenset(Method(w) for w in columns.sets(known, "energy", name, "method")),
                sources=frozenset(columns.sets(known, "energy", name, "source")),
                in_total=bool(pc.all(in_total).as_py()),
            )
    return found


def _flag_pairs(columns: _Columns) -> dict[Flag, Rows]:
    """Rows that carry each flag, the flags of their domains included."""
    paths = [("flags",), *(("energy", name, "flags") for name in columns.names("energy"))]
    rows, words = [], []
    for path in paths:
        lists = columns.at(*path)
        rows.append(pc.list_parent_indices(lists).to_numpy(zero_copy_only=False))
        words.append(np.asarray(pc.list_flatten(lists).to_pylist(), dtype=object))
    parents, flags = np.concatenate(rows), np.concatenate(words)
    return {flag: np.unique(parents[flags == flag]) for flag in Flag if (flags == flag).any()}


def _flags(flagged: Mapping[Flag, Rows], rows: Rows, n_rows: int) -> dict[Flag, int]:
    member = np.zeros(n_rows, dtype=bool)
    member[rows] = True
    counts = {flag: int(member[carriers].sum()) for flag, carriers in flagged.items()}
    return {flag: count for flag, count in counts.items() if count}


def _idle(columns: _Columns) -> dict[str, IdleOf]:
    arms, noted = columns.words("arm").astype(str), columns.numbers("session")
    kinds = np.where(np.isnan(noted), columns.numbers("block"), noted).astype(np.int64)
    names, arm_code = np.unique(arms, return_inverse=True)
    session = arm_code * (int(kinds.max(initial=0)) + 1) + kinds
    _, first = np.unique(session, return_index=True)
    found = {}
    for arm in dict.fromkeys(arms[np.sort(first)].tolist()):
        rows = np.sort(first[names[arm_code[first]] == arm])
        found[arm] = idle_of(_sessions(columns, arm, rows))
    return found


def _sessions(columns: _Columns, arm: str, rows: Rows) -> Sessions:
    domains = columns.names("energy")
    total = {
        name: pc.fill_null(columns.at("energy", name, "in_total"), False).to_numpy(
            zero_copy_only=False
        )[rows]
        for name in domains
    }
    power_w, uncertainty_w, methods = {}, {}, set()
    for level in IDLE_LEVELS:
        watts, squares, n_summed = (np.zeros(rows.size) for _ in range(3))
        for name in domains:
            path = ("idle", level, name)
            power = columns.numbers(*path, "power_w")[rows]
            error = columns.numbers(*path, "uncertainty_w")[rows]
            watts += np.where(total[name], power, 0.0)
            squares += np.where(total[name], np.square(error), 0.0)
            n_summed += total[name]
            methods |= columns.sets(rows, *path, "method")
        power_w[level] = np.where(n_summed > 0, watts, np.nan)
        uncertainty_w[level] = np.sqrt(squares)
    load_j, n_loads = np.zeros(rows.size), np.zeros(rows.size)
    for name in domains:
        in_total = columns.at("load", "energy", name, "in_total")
        counts = pc.fill_null(in_total, False).to_numpy(zero_copy_only=False)[rows]
        joules = columns.numbers("load", "energy", name, "energy_j")[rows]
        load_j += np.where(counts, joules, 0.0)
        n_loads += counts
    return Sessions(
        arm=arm,
        power_w=power_w,
        uncertainty_w=uncertainty_w,
        load_s=columns.numbers("load", "duration_s")[rows],
        load_j=np.where(n_loads > 0, load_j, np.nan),
        modelled=Method.MODEL in methods,
    )
