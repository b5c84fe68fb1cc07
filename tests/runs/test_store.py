"""The run directory gives back what was written, and refuses what it cannot read."""

from pathlib import Path

import pytest

from llamawatt.core.errors import RunDirectoryError
from llamawatt.core.plan import RunEvent
from llamawatt.runs.store import RunWriter, read_run
from tests.runs import records


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    writer = RunWriter.create(path, records.study(), records.machine())
    writer.append_trial(records.trial(0))
    writer.append_trial(records.trial(1))
    writer.append_event(RunEvent("stopped", "Narrow enough.", "cpu", "short_dialogue"))
    writer.close()
    return path


def test_round_trip(written: Path) -> None:
    run = read_run(written)
    assert run.study == records.study()
    assert run.machine == records.machine()
    assert run.trials == (records.trial(0), records.trial(1))
    assert run.events[0].text == "Narrow enough."
    assert run.warnings == ()


def test_a_torn_last_line_is_left_out_and_said(written: Path) -> None:
    with (written / "trials.jsonl").open("ab") as file:
        file.write(b'{"schema":1,"trial')
    run = read_run(written)
    assert len(run.trials) == 2
    assert "half-written" in run.warnings[0]

    writer, resumed = RunWriter.resume(written)
    assert len(resumed.trials) == 2
    writer.append_trial(records.trial(2))
    writer.close()
    assert [trial.block for trial in read_run(written).trials] == [0, 1, 2]


def test_a_newer_schema_is_refused(written: Path) -> None:
    trials = written / "trials.jsonl"
    trials.write_text(
        trials.read_text().replace('"schema":1', '"schema":99', 1) + '{"schema":99}\n'
    )
    with pytest.raises(RunDirectoryError, match="schema 99"):
        read_run(written)


def test_a_newer_schema_with_other_fields_is_called_newer(written: Path) -> None:
    with (written / "trials.jsonl").open("a") as file:
        file.write('{"schema":99,"novel":true}\n')
    with pytest.raises(RunDirectoryError, match="schema 99"):
        read_run(written)


def test_a_broken_line_names_file_line_and_field(written: Path) -> None:
    trials = written / "trials.jsonl"
    trials.write_text(trials.read_text().replace('"block":1', '"block":"one"'))
    with pytest.raises(RunDirectoryError, match=r"trials\.jsonl:2: block"):
        read_run(written)


def test_two_writers_are_refused(written: Path) -> None:
    writer, _ = RunWriter.resume(written)
    with pytest.raises(RunDirectoryError, match="Another llamawatt"):
        RunWriter.resume(written)
    writer.close()
    RunWriter.resume(written)[0].close()


def test_a_second_run_in_one_directory_is_refused(written: Path) -> None:
    with pytest.raises(RunDirectoryError, match="already holds a run"):
        RunWriter.create(written, records.study(), records.machine())


@pytest.mark.parametrize("content", ["", "name: x\n", "schema: 1\nname: [\n", "schema: 1\n"])
def test_a_study_that_does_not_hold_is_named(written: Path, content: str) -> None:
    (written / "study.yaml").write_text(content)
    with pytest.raises(RunDirectoryError, match=r"study\.yaml"):
        read_run(written)


def test_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match="holds no run"):
        read_run(tmp_path)
    with pytest.raises(RunDirectoryError, match="not a directory"):
        read_run(tmp_path / "missing")


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"created_at: 2026-13-45\n", b"{"])
def test_a_study_that_is_no_yaml_is_named(written: Path, data: bytes) -> None:
    (written / "study.yaml").write_bytes(data)
    with pytest.raises(RunDirectoryError, match=r"study\.yaml is not valid YAML"):
        read_run(written)


@pytest.mark.parametrize("name", ["run.lock", "trials.jsonl"])
def test_a_directory_that_cannot_be_written_is_named(written: Path, name: str) -> None:
    (written / name).unlink()
    (written / name).mkdir()
    with pytest.raises(RunDirectoryError, match="Could not write"):
        RunWriter.resume(written)
