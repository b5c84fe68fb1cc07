"""`report` and `compare` as typed."""

import json

import pytest
import typer
from typer.testing import CliRunner

from llamawatt.cli import compare as compare_module
from llamawatt.cli import report as report_module
from llamawatt.core.errors import GateError, RunDirectoryError, UsageError
from tests.analysis.compare.test_runs import slower
from tests.report.conftest import write_run

app = typer.Typer()
app.command("report")(report_module.report)
app.command("compare", cls=compare_module.Variadic)(compare_module.compare)


def run(*words, raises=None):
    result = CliRunner().invoke(app, [str(word) for word in words])
    if raises is None:
        assert result.exception is None, result.output
    else:
        assert isinstance(result.exception, raises), result.exception
    return result


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    few = {"arms": slower(1.0), "phases": False, "traced": ()}
    return (
        write_run(folder / "a", **few),
        write_run(folder / "b", seed=9, **few),
        write_run(folder / "slow", seed=9, **{**few, "arms": slower(1.15)}),
        write_run(folder / "modelled", modelled=True, **few),
    )


@pytest.fixture(scope="module")
def repeated(tmp_path_factory):
    """Two folders of three whole runs each; those of the second are slower."""
    folder = tmp_path_factory.mktemp("repeated")
    for name, factor, seed in (("old", 1.0, 20), ("slow", 1.15, 40)):
        for i in range(3):
            few = {"arms": slower(factor), "phases": False, "traced": (), "n_blocks": 3}
            write_run(folder / name / f"run-{i + 1}", seed=seed + i, **few)
    return folder / "old", folder / "slow"


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("LLAMAWATT_CONFIG", str(tmp_path / "config"))


def test_report_prints_the_headline_and_where_it_is(runs, only_plots):
    only_plots("energy_vs_latency", "ablation_threads")
    result = run("report", runs[0])
    first, second, *rest = result.stdout.splitlines()
    assert first.startswith("Use the GPU: ")
    assert first.endswith("both beyond doubt.")
    assert second.startswith("next: ")
    assert any(line.startswith("On this machine a reply") for line in rest)
    assert "not drawn, for the reasons that the report gives: ablation_threads" in result.stdout
    assert (runs[0] / "report" / "report.html").is_file()


def test_report_json_is_json_alone(runs, tmp_path, only_plots):
    only_plots()
    result = run("report", runs[0], "--json", "--out", tmp_path)
    assert json.loads(result.stdout)["schema"] == 1


def test_report_of_no_run(tmp_path):
    run("report", tmp_path, raises=RunDirectoryError)


def test_compare_prints_effect_interval_and_verdict(repeated):
    text = run("compare", repeated[1], "--against", repeated[0]).stdout
    assert "higher" in text
    assert "+1" in text
    assert "whole runs lie" in " ".join(text.split())


def test_one_run_a_side_gets_an_interval_named_for_what_it_is_and_no_verdict(runs):
    text = " ".join(run("compare", runs[0], runs[2]).stdout.split())
    assert "repeatability within these runs" in text
    assert "One run a side gives no verdict" in text
    assert " higher" not in text
    gated = run("compare", runs[0], runs[2], "--fail-above", "5%")
    assert "PASSED, but open: one run a side" in gated.stdout


def test_several_runs_may_follow_against_as_words_or_options(repeated):
    old = [repeated[0] / f"run-{i}" for i in (1, 2, 3)]
    new = [repeated[1] / f"run-{i}" for i in (1, 2, 3)]
    told = run("compare", *new, "--against", *old, "--json").stdout
    assert json.loads(told)["n_after"] == json.loads(told)["n_before"] == 3
    options = [word for path in old for word in ("--against", path)]
    assert run("compare", "--json", *options, *new).stdout == told
    folders = json.loads(run("compare", "--json", repeated[1], "--against", repeated[0]).stdout)
    assert folders["rows"] == json.loads(told)["rows"]


def test_three_runs_without_against_are_asked_about(runs):
    run("compare", *runs[:3], raises=UsageError)
    run("compare", runs[0], raises=UsageError)
    assert run("compare", runs[0], "--against", raises=SystemExit).exit_code == 2


def test_the_gate_fails_with_its_own_error(repeated):
    words = ("compare", repeated[1], "--against", repeated[0])
    result = run(*words, "--fail-above", "5%", raises=GateError)
    assert result.exception.exit_code == 1
    assert "FAILED: energy got worse by more than 5.0 %" in str(result.exception)
    assert run(*words, "--fail-above", "0.5").exit_code == 0


def test_compare_json_has_rows_and_gate(repeated):
    words = ("compare", repeated[0], "--against", repeated[0], "--json", "--fail-above", "9%")
    found = json.loads(run(*words).stdout)
    assert len(found["rows"]) == 12
    assert {row["outcome"] for row in found["gate"]} == {"passed"}
    assert found["fail_above"] == pytest.approx(0.09)


def test_compare_markdown_leads_with_the_gate(repeated):
    words = ("--markdown", "--fail-above", "9%", "-m", "latency_s")
    text = run("compare", repeated[0], "--against", repeated[0], *words).stdout
    assert text.startswith("**PASSED: latency is within 9.0 % in all 6 rows.**")
    assert "| Figure | Suite |" in text


def test_unlike_runs_need_force(runs):
    run("compare", runs[0], runs[3], raises=UsageError)
    assert "UNLIKE" in run("compare", runs[0], runs[3], "--force").stdout


@pytest.mark.parametrize(
    "words", [("--fail-above", "much"), ("--fail-above", "-1%"), ("-m", "joy")]
)
def test_wrong_words_are_said(runs, words):
    assert words[1] in str(run("compare", *runs[:2], *words, raises=UsageError).exception)


def test_shares():
    assert compare_module.fraction("5 %") == pytest.approx(0.05)
    assert compare_module.fraction("0.05") == pytest.approx(0.05)
