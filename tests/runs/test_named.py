"""A run is found by what people type: a path, `latest`, `latest~1`, a name."""

from dataclasses import replace
from pathlib import Path

import pytest

from llamawatt.core.errors import RunDirectoryError
from llamawatt.runs.listed import list_runs
from llamawatt.runs.named import RUNS_FOLDER, resolve_run, run_paths
from llamawatt.runs.store import RunWriter
from tests.runs import records


def made(path: Path, created_at: str, n_trials: int = 0) -> Path:
    study = replace(records.study(), created_at=created_at)
    writer = RunWriter.create(path, study, records.machine())
    for number in range(n_trials):
        writer.append_trial(records.trial(number))
    writer.close()
    return path


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Four runs, made in another order than their names and their files' times say."""
    made(tmp_path / RUNS_FOLDER / "b-second", "2026-03-02T00:00:00Z")
    made(tmp_path / "named-with-out", "2026-03-04T00:00:00Z", 2)
    made(tmp_path / RUNS_FOLDER / "many-runs" / "run-1", "2026-03-03T00:00:00Z")
    made(tmp_path / RUNS_FOLDER / "z-first", "2026-03-01T00:00:00Z")
    return tmp_path


def test_latest_goes_by_the_time_that_the_study_says(here: Path) -> None:
    found = [resolve_run(Path(name), here) for name in ("latest", "latest~1", "latest~3")]
    assert [path.name for path in found] == ["named-with-out", "run-1", "z-first"]
    assert resolve_run(Path("latest~0"), here) == found[0]


def test_every_run_is_found_once(here: Path) -> None:
    names = [path.name for path in run_paths(here)]
    assert names == ["named-with-out", "run-1", "b-second", "z-first"]


def test_a_name_alone_is_looked_for_among_the_runs(here: Path) -> None:
    assert resolve_run(Path("z-first"), here) == here / RUNS_FOLDER / "z-first"
    assert resolve_run(Path("many-runs"), here) == here / RUNS_FOLDER / "many-runs"


def test_what_exists_stands_for_itself_even_when_it_is_called_latest(here: Path) -> None:
    (here / "latest").mkdir()
    assert resolve_run(Path("latest"), here) == Path("latest")
    assert resolve_run(here / "named-with-out", here) == here / "named-with-out"


@pytest.mark.parametrize("typed", ["latest~4", "latest~999999999"])
def test_too_far_back_says_how_many_there_are(here: Path, typed: str) -> None:
    with pytest.raises(RunDirectoryError, match="4 runs here, latest to latest~3"):
        resolve_run(Path(typed), here)


def test_latest_of_nothing_says_how_to_make_a_run(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match="no run yet") as caught:
        resolve_run(Path("latest"), tmp_path)
    assert "llamawatt bench" in caught.value.remedy


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("lastest", "latest"), ("z-frist", "z-first"), ("latest~", "latest"), ("latest~x", "latest")],
)
def test_a_slip_of_the_pen_gets_a_hint(here: Path, typed: str, meant: str) -> None:
    with pytest.raises(RunDirectoryError) as caught:
        resolve_run(Path(typed), here)
    assert f"Did you mean {meant}?" in caught.value.remedy


@pytest.mark.parametrize("typed", ["nothing/at/all", "quite else", "../latest~1"])
def test_other_words_are_left_to_whoever_reads_the_run(tmp_path: Path, typed: str) -> None:
    assert resolve_run(Path(typed), tmp_path) == Path(typed)


def test_a_list_says_what_each_run_holds(here: Path) -> None:
    first = list_runs(here)[0]
    assert (first.study, first.models, first.machine) == ("baseline", ("m",), "A CPU")
    assert (first.created_at[:10], first.n_trials, first.n_failed) == ("2026-03-04", 2, 0)


def test_a_broken_run_is_listed_with_its_reason_and_hides_no_other(here: Path) -> None:
    (here / RUNS_FOLDER / "z-first" / "machine.json").write_text("{")
    broken = list_runs(here)[-1]
    assert broken.n_trials is None
    assert "machine.json" in broken.problem
    assert len(list_runs(here)) == 4
