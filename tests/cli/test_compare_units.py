"""A metric that is worked out with a setting: refused without it, compared in its unit with it."""

import json

import pytest

from llamawatt.cli.main import main
from llamawatt.core import metrics as core
from llamawatt.core.metrics import Kind, MetricSpec
from tests.report.conftest import write_run

SPEC = MetricSpec(
    "toll", "Toll", "{currency} a reply", Kind.ENERGY, "reply", "A toll on joules.",
    lambda q: q["window_j"] * q["price_per_kwh"], needs=("price_per_kwh",),
)  # fmt: skip


@pytest.fixture
def two(tmp_path, monkeypatch):
    monkeypatch.setenv("LLAMAWATT_CONFIG", str(tmp_path / "config"))
    monkeypatch.setitem(core.METRICS, "toll", SPEC)
    return [
        str(write_run(tmp_path / name, (), n_blocks=3, phases=False, seed=seed))
        for seed, name in enumerate("ab", 1)
    ]


def test_a_metric_that_needs_a_setting_says_which(two, capsys):
    assert main(["compare", *two, "-m", "toll", "--force"]) == 2
    said = capsys.readouterr().err
    assert "toll needs price_per_kwh, which is not set." in said
    assert "llamawatt config price_per_kwh=0.30" in said


def test_with_it_the_figures_have_its_unit(two, capsys):
    arguments = ["--force", "--assume", "price_per_kwh=0.3", "--assume", "currency=CHF"]
    assert main(["compare", *two, "-m", "toll", *arguments, "--markdown"]) == 0
    assert "CHF a reply" in capsys.readouterr().out
    assert main(["compare", *two, "-m", "toll", *arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["units"] == {"toll": "CHF a reply"}


@pytest.mark.parametrize("pair", ["price_per_kwh=0", "price_per_kwh=dear", "price=1"])
def test_what_cannot_be_assumed_is_refused(two, capsys, pair):
    assert main(["compare", *two, "--assume", pair]) == 2
    assert "--assume" in capsys.readouterr().err
