"""A dry run tells the plan and starts nothing."""

import json
from pathlib import Path

import pytest

from llamawatt.app import dry_run
from llamawatt.app.order import Order
from llamawatt.cli.console import dry
from llamawatt.core.plan import ModelRecord
from llamawatt.study.arms import Abilities
from llamawatt.study.load import load_study
from llamawatt.study.plan import ModelSource


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> Order:
    model = ModelSource(ModelRecord("m", "m.gguf", "ab" * 32, 100, n_layers=22), Path("m.gguf"))
    monkeypatch.setattr(dry_run, "find_study_models", lambda *_, **__: {"m": model})
    monkeypatch.setattr(
        dry_run, "find_abilities", lambda *_, **__: Abilities(2, no_gpu_reason="there is none")
    )
    return Order(load_study("baseline"))


def test_as_json_it_is_json(order: Order, capsys: pytest.CaptureFixture[str]) -> None:
    dry.print_plan(dry_run.look_ahead(order), as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert {arm["name"]: arm["skipped"] for arm in said["arms"]} == {
        "cpu": "",
        "gpu": "there is none",
    }
    assert said["least_s"] > 0


def test_in_words_it_names_what_is_skipped(
    order: Order, capsys: pytest.CaptureFixture[str]
) -> None:
    dry.print_plan(dry_run.look_ahead(order), as_json=False)
    said = capsys.readouterr().out
    assert "skipped: there is none" in said
    assert "at least" in said
