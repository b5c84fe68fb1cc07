"""`runs` and `open`, and `latest` wherever a run is taken, as the command line takes them."""

import json
import os
import stat
from pathlib import Path

import pytest

from llamawatt.cli.main import main
from llamawatt.runs.named import RUNS_FOLDER
from tests.runs.test_named import made


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made(tmp_path / RUNS_FOLDER / "old", "2026-03-01T00:00:00Z", 3)
    made(tmp_path / RUNS_FOLDER / "new", "2026-03-02T00:00:00Z", 3)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLAMAWATT_CONFIG", str(tmp_path / "config"))
    return tmp_path


def test_runs_are_listed_newest_first(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["run", "study", "model", "machine"]
    assert [line.split()[0] for line in lines] == ["new", "old"]
    assert "2026-03-02 00:00" in lines[0]


def test_runs_as_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--json"]) == 0
    new, _ = json.loads(capsys.readouterr().out)
    assert new["path"] == str(RUNS_FOLDER / "new")
    assert (new["study"], new["models"], new["n_trials"]) == ("baseline", ["m"], 3)


def test_no_runs_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["runs"]) == 0
    assert "llamawatt bench" in capsys.readouterr().out
    assert main(["runs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["runs", "missing"]) == 2


def test_open_hands_the_page_to_the_browser(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    browser = here / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {here}/opened\n')
    browser.chmod(browser.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr("webbrowser._tryorder", None)  # it reads the environment once
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    assert main(["open"]) == 0
    page = here / RUNS_FOLDER / "new" / "report" / "report.html"
    assert page.is_file()
    assert (here / "opened").read_text().strip() == page.as_uri()
    assert capsys.readouterr().out.strip() == str(page)


def test_open_without_a_browser_says_where_the_page_is(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("webbrowser._tryorder", None)
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(here))
    assert main(["open", "latest~1"]) == 0
    said = capsys.readouterr()
    assert said.out.strip() == str(here / RUNS_FOLDER / "old" / "report" / "report.html")
    assert "No browser" in said.err


def test_open_writes_a_page_anew_that_lacks_trials(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = here / RUNS_FOLDER / "new" / "report" / "report.html"
    page.parent.mkdir()
    page.write_text("old")
    assert main(["open", "new", "--no-browser"]) == 0
    assert page.read_text() == "old"
    os.utime(page, (1, 1))
    assert main(["open", "new", "--no-browser"]) == 0
    assert "<html" in page.read_text()


def test_latest_is_a_run_for_report_and_compare(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "latest~1"]) == 0
    assert str(Path("old") / "report" / "report.html") in capsys.readouterr().out
    assert main(["compare", "latest~1", "latest", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["before"], said["after"]) == (str(RUNS_FOLDER / "old"), str(RUNS_FOLDER / "new"))
    assert main(["compare", "latest", "--against", "latest~1", "latest~9"]) == 2
    assert "too far back" in capsys.readouterr().err


def test_latest_is_a_run_to_go_on_with(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is resumed is found, and refused for what it is: a run of another study."""
    assert main(["study", "run", "baseline", "--resume", "latest~5", "--dry-run"]) == 2
    assert "2 runs here" in capsys.readouterr().err


def test_a_gate_can_demand_a_decision(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One run a side never decides: that passes a gate unless a decision is asked for."""
    arguments = ["compare", "old", "new", "--fail-above", "5%"]
    assert main(arguments) == 0
    assert main([*arguments, "--fail-if-undecided"]) == 1
    assert "Undecided: 1 of 1 rows" in capsys.readouterr().err
    assert main(["compare", "old", "new", "--fail-if-undecided"]) == 2
    assert "--fail-above" in capsys.readouterr().err
