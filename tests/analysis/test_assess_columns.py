"""Columns and records give the same analysis."""

from dataclasses import replace

import numpy as np
import pytest

from llamawatt.analysis.rules.argument import argue
from llamawatt.core.errors import RunDirectoryError
from llamawatt.core.flags import Flag
from llamawatt.core.trials import Status
from llamawatt.report.content import source as source_module
from llamawatt.report.content.source import large_source, source_at, source_of
from llamawatt.report.content.summary import summarise
from llamawatt.runs import schema
from llamawatt.runs.store import read_run
from tests.report.conftest import write_run


def append(path, *trials):
    with (path / "trials.jsonl").open("ab") as file:
        for trial in trials:
            file.write(schema.to_line(schema.TRIAL, trial))


@pytest.mark.parametrize(
    "options",
    [{}, {"modelled": True}, {"idle_levels": ()}, {"metered": False}, {"idle_levels": ("model",)}],
)
def test_columns_and_records_agree(tmp_path, options):
    path = write_run(tmp_path / "run", (), n_blocks=4, **options)
    last = read_run(path).trials[-1]
    flags = (Flag.THROTTLED, *last.flags)
    append(
        path,
        replace(last, trial_id="x", block=4, order=900, flags=flags),
        replace(last, trial_id="y", block=5, order=901, status=Status.FAILED, metrics=None,
                error="crash"),
    )  # fmt: skip
    records, columns = source_of(read_run(path)), large_source(path)
    assert summarise(columns) == summarise(records)
    assert argue(columns.assessment) == argue(records.assessment)
    assert list(columns.assessment.cells) == list(records.assessment.cells)
    for key, cell in records.assessment.cells.items():
        other = columns.assessment.cells[key]
        assert other.trial_ids == cell.trial_ids
        assert other.flags == cell.flags
        for name, values in cell.columns.items():
            np.testing.assert_array_equal(other.columns[name], values)


def test_a_torn_last_line_is_left_out(tmp_path):
    path = write_run(tmp_path / "run", (), n_blocks=2, phases=False)
    before = large_source(path).assessment.n_trials
    with (path / "trials.jsonl").open("ab") as file:
        file.write(b'{"schema": 1, "trial_id": "half')
    torn = large_source(path)
    assert torn.assessment.n_trials == before
    assert torn.warnings == source_of(read_run(path)).warnings
    assert "half-written" in torn.warnings[0]


def test_a_broken_line_is_an_error(tmp_path):
    path = write_run(tmp_path / "run", (), n_blocks=2, phases=False)
    with (path / "trials.jsonl").open("ab") as file:
        file.write(b"no trial\n")
    with pytest.raises(RunDirectoryError, match=r"trials\.jsonl holds a line that is no trial"):
        large_source(path)


def test_a_newer_schema_is_refused(tmp_path):
    path = write_run(tmp_path / "run", (), n_blocks=2, phases=False)
    append(path, replace(read_run(path).trials[0], schema=99))
    with pytest.raises(RunDirectoryError, match="schema 99"):
        large_source(path)


def test_only_large_runs_are_read_as_columns(tmp_path, monkeypatch):
    path = write_run(tmp_path / "run", ("cpu",), n_blocks=2, phases=False)
    small = source_at(path)
    monkeypatch.setattr(source_module, "LARGE_BYTES", 1)
    large = source_at(path)
    assert [t.trial_id for t in large.first_trials("cpu")] == [
        t.trial_id for t in small.first_trials("cpu")
    ]
    assert summarise(large) == summarise(small)
    assert len(summarise(large).traces) == 1
