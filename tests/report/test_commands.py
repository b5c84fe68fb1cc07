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
app.command("compare")(compare_module.compare)


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


def test_report_prints_the_headline_and_where_it_is(runs, only_plots):
    only_plots("energy_vs_latency", "ablation_threads")
    result = run("report", runs[0])
    assert result.stdout.startswith("On this machine a reply")
    assert "no figure ablation_threads" in result.stdout
    assert (runs[0] / "report" / "report.html").is_file()


def test_report_json_is_json_alone(runs, tmp_path, only_plots):
    only_plots()
    result = run("report", runs[0], "--json", "--out", tmp_path)
    assert json.loads(result.stdout)["schema"] == 1


def test_report_of_no_run(tmp_path):
    run("report", tmp_path, raises=RunDirectoryError)


def test_compare_prints_effect_interval_and_verdict(runs):
    text = run("compare", runs[0], runs[2]).stdout
    assert "higher" in text
    assert "+1" in text


def test_the_gate_fails_with_its_own_error(runs):
    result = run("compare", runs[0], runs[2], "--fail-above", "5%", raises=GateError)
    assert result.exception.exit_code == 1
    assert "FAILED: energy got worse by more than 5.0 %" in str(result.exception)
    assert run("compare", runs[0], runs[1], "--fail-above", "0.05").exit_code == 0


def test_compare_json_has_rows_and_gate(runs):
    found = json.loads(run("compare", runs[0], runs[1], "--json", "--fail-above", "9%").stdout)
    assert len(found["rows"]) == 12
    assert {row["outcome"] for row in found["gate"]} == {"passed"}
    assert found["fail_above"] == pytest.approx(0.09)


def test_compare_markdown_leads_with_the_gate(runs):
    words = ("compare", runs[0], runs[1], "--markdown", "--fail-above", "9%", "-m", "latency_s")
    text = run(*words).stdout
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
