"""A finished run's last word: what failed is said, and changes the exit code."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from llamawatt.cli.outcome import finish
from llamawatt.core.errors import MeterError, TargetError
from llamawatt.core.plan import ArmRecord
from llamawatt.core.trials import Status, TrialRecord
from llamawatt.report.content.source import source_of
from llamawatt.report.content.summary import summarise
from llamawatt.report.forms.run_json import run_json
from llamawatt.runs.store import Run
from tests.runs import records

GOOD = records.trial(0)
BAD = replace(GOOD, arm="gpu", status=Status.FAILED, energy={}, error="It ran out of memory.")


def run(*trials: TrialRecord) -> Run:
    study = records.study()
    arms = (*study.arms, ArmRecord("gpu", "baseline", "gpu", "m", {"device": "gpu"}))
    return Run(Path("r"), replace(study, arms=arms), records.machine(), trials)


def test_a_run_whose_arms_all_gave_trials_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    once_failed = replace(GOOD, status=Status.FAILED, energy={}, error="It hiccuped.")
    finish(run(GOOD, once_failed), as_json=True, with_report=False)
    said = json.loads(capsys.readouterr().out)
    assert [failure["error"] for failure in said["failed"]] == ["It hiccuped."]


def test_an_arm_that_never_gave_a_trial_is_told_after_the_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(TargetError, match=r"'gpu' gave no trial. It ran out of memory"):
        finish(run(GOOD, BAD), as_json=True, with_report=False)
    assert json.loads(capsys.readouterr().out)["failed"][0]["arm"] == "gpu"


def test_a_run_without_any_joule_measured_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(MeterError, match="No trial has an energy"):
        finish(run(replace(GOOD, energy={})), as_json=True, with_report=False)
    json.loads(capsys.readouterr().out)


def test_the_json_of_a_run_is_json() -> None:
    assert json.loads(run_json(summarise(source_of(run(GOOD))), "r"))["failed"] == []
