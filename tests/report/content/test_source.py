"""A run is analysed alike from its directory and from its records, and however it is cut."""

from dataclasses import replace

import numpy as np
import pytest

from llamawatt.analysis.estimates import gather
from llamawatt.analysis.rules.argument import argue
from llamawatt.core.errors import RunDirectoryError
from llamawatt.core.flags import Flag
from llamawatt.core.trials import Status
from llamawatt.report.content.source import source_at, source_of
from llamawatt.report.content.summary import summarise
from llamawatt.runs import schema
from llamawatt.runs.store import read_run
from tests.report.conftest import write_run


def append(path, *trials):
    with (path / "trials.jsonl").open("ab") as file:
        for trial in trials:
            file.write(schema.to_line(trial))


@pytest.mark.parametrize(
    "options",
    [{}, {"modelled": True}, {"idle_levels": ()}, {"metered": False}, {"idle_levels": ("model",)}],
)
def test_small_lots_and_one_lot_agree(tmp_path, options, monkeypatch):
    path = write_run(tmp_path / "run", ("cpu",), n_blocks=4, **options)
    last = read_run(path).trials[-1]
    flags = (Flag.THROTTLED, *last.flags)
    append(
        path,
        replace(last, trial_id="x", block=4, order=900, flags=flags),
        replace(last, trial_id="y", block=5, order=901, status=Status.FAILED, metrics=None,
                error="crash"),
    )  # fmt: skip
    whole = source_of(read_run(path))
    monkeypatch.setattr(gather, "N_LOT", 7)
    lots = source_at(path)
    assert summarise(lots) == summarise(whole)
    assert argue(lots.assessment) == argue(whole.assessment)
    assert list(lots.assessment.cells) == list(whole.assessment.cells)
    assert lots.first_trials == whole.first_trials
    for key, cell in whole.assessment.cells.items():
        other = lots.assessment.cells[key]
        assert other.trial_ids == cell.trial_ids
        assert other.flags == cell.flags
        for name, values in cell.columns.items():
            np.testing.assert_array_equal(other.columns[name], values)


def test_what_is_written_as_metrics_is_not_believed(tmp_path):
    path = write_run(tmp_path / "run", (), n_blocks=2, phases=False)
    before = summarise(source_at(path)).rows
    wrong = {"energy_j": 1.0, "latency_s": None}
    trials = [replace(trial, metrics=wrong) for trial in read_run(path).trials]
    (path / "trials.jsonl").unlink()
    append(path, *trials)
    assert summarise(source_at(path)).rows == before


def test_a_sum_that_lacks_a_domain_of_the_boundary_is_unknown(tmp_path):
    path = write_run(tmp_path / "run", (), n_blocks=2, phases=False)
    first, *rest = read_run(path).trials
    (path / "trials.jsonl").unlink()
    append(path, replace(first, energy={"gpu-0": first.energy["gpu-0"]}), *rest)
    cell = source_at(path).assessment.cells[first.arm, first.suite, first.purpose]
    assert np.isnan(cell.columns["energy_j"][0])
    assert np.isfinite(cell.columns["energy_j"][1:]).all()


def test_a_torn_last_line_is_left_out(tmp_path):
    path = write_run(tmp_path / "run", (), n_blocks=2, phases=False)
    before = source_at(path).assessment.n_trials
    with (path / "trials.jsonl").open("ab") as file:
        file.write(b'{"schema": 1, "trial_id": "half')
    torn = source_at(path)
    assert torn.assessment.n_trials == before
    assert torn.warnings == source_of(read_run(path)).warnings
    assert "half-written" in torn.warnings[0]


def test_a_broken_line_is_an_error(tmp_path):
    path = write_run(tmp_path / "run", (), n_blocks=2, phases=False)
    n_lines = (path / "trials.jsonl").read_bytes().count(b"\n")
    with (path / "trials.jsonl").open("ab") as file:
        file.write(b"no trial\n")
    with pytest.raises(RunDirectoryError, match=rf"trials\.jsonl:{n_lines + 1}: "):
        source_at(path)


def test_a_newer_schema_is_refused(tmp_path):
    path = write_run(tmp_path / "run", (), n_blocks=2, phases=False)
    append(path, replace(read_run(path).trials[0], schema=99))
    with pytest.raises(RunDirectoryError, match="schema 99"):
        source_at(path)
