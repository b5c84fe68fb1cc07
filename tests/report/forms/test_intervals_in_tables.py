"""Every interval in a table is the one in `report.json`, centred on the figure beside it."""

import json
import re

import pytest

from llamawatt.core.format import deviation_text
from llamawatt.core.metrics import METRICS, Use, keys
from llamawatt.report.content.source import source_of
from llamawatt.report.content.summary import summarise
from llamawatt.report.forms.json_form import report_json
from llamawatt.report.forms.markdown import table_lines
from llamawatt.report.forms.tables import comparisons, idle, results
from llamawatt.runs.store import read_run
from tests.analysis.synthetic import paper_arms
from tests.report.conftest import DATE, write_run

NUMBER = r"[-−]?\d[\d.]*(?:e[-+]?\d+)?"
FIGURE = re.compile(
    rf"^~?(?P<value>{NUMBER})(?: ±(?P<even>{NUMBER}) %| −(?P<down>{NUMBER})/\+(?P<up>{NUMBER}) %"
    rf"| ×/÷ (?P<times>{NUMBER})| \((?P<low>{NUMBER}) to (?P<high>{NUMBER})\))?$"
)


@pytest.fixture(scope="module", params=[(2, 0.05), (3, 0.012), (6, 0.2)])
def told(request, tmp_path_factory):
    """A report's tables as Markdown rows, and its JSON."""
    n_blocks, noise = request.param
    path = tmp_path_factory.mktemp("told") / "run"
    run = read_run(write_run(path, (), arms=paper_arms()[:4], n_blocks=n_blocks, noise=noise))
    model = summarise(source_of(run), DATE)
    return model, json.loads(report_json(model))


def rows(table):
    lines = [line for line in table_lines(table) if line.startswith("|")]
    split = [line.replace("\\_", "_").strip("|").split("|") for line in lines]
    heads, *body = [[cell.strip() for cell in cells] for cells in split]
    return [dict(zip(heads, cells, strict=True)) for cells in body if set(cells[0]) != {"-"}]


def number(text):
    return float(text.replace("−", "-"))


def assert_told(cell, estimate):
    """The cell says the estimate's value, and from it the ends of its interval."""
    found = FIGURE.match(cell)
    assert found, cell
    value = number(found["value"])
    assert value == pytest.approx(estimate["value"], rel=6e-3, abs=1e-12)
    if estimate["low"] is None:
        assert found["even"] is None
        assert found["down"] is None
        return
    if found["times"] or found["low"]:
        times = number(found["times"] or "1")
        ends = [
            number(found["low"] or str(value / times)),
            number(found["high"] or str(value * times)),
        ]
        assert ends == pytest.approx([estimate["low"], estimate["high"]], rel=0.06)
        return
    down, up = (number(found["even"] or found[side]) / 100 for side in ("down", "up"))
    size = abs(estimate["value"])
    assert down == pytest.approx((estimate["value"] - estimate["low"]) / size, rel=0.06, abs=1e-6)
    assert up == pytest.approx((estimate["high"] - estimate["value"]) / size, rel=0.06, abs=1e-6)
    assert value * (1 - down) == pytest.approx(
        estimate["low"], rel=0.02, abs=0.06 * down * size + 0.01 * size
    )


def test_every_result_says_its_interval(told):
    model, data = told
    suite_rows = [row for row in data["rows"] if row["purpose"] == "suite"]
    shown = rows(results(model))
    assert len(shown) == len(suite_rows) > 0
    n_told = 0
    for cells, row in zip(shown, suite_rows, strict=True):
        for key in keys(Use.RESULTS):
            if key in row["estimates"]:
                assert_told(cells[METRICS[key].heading], row["estimates"][key])
                n_told += 1
    assert n_told > len(shown)


def test_every_idle_power_says_its_interval(told):
    model, data = told
    shown = rows(idle(model))
    assert len(shown) == len(data["idle"]) > 0
    heads = {"bare": "Bare (W)", "runtime": "Runtime (W)", "model": "Model resident (W)"}
    for cells, row in zip(shown, data["idle"], strict=True):
        for level, head in heads.items():
            assert_told(cells[head], row["power_w"][level])
            low, value = row["power_w"][level]["low"], row["power_w"][level]["value"]
            assert 0 < low <= value
        assert_told(cells["Extra (W)"], row["extra_w"])


def test_every_ratio_says_its_interval(told):
    model, data = told
    ratios = {(r["metric"], r["suite"], r["arm"], r["baseline"]): r for r in data["ratios"]}
    labels = {METRICS[metric].label: metric for metric, *_ in ratios}
    shown = rows(comparisons(model))
    assert len(shown) == len(ratios) > 0
    for cells in shown:
        key = (labels[cells["Figure"]], cells["Suite"].replace(" ", "_"), cells["Setting"],
               cells["Against"])  # fmt: skip
        ratio = ratios[key]
        assert number(cells["Ratio (×)"]) == pytest.approx(ratio["value"], rel=0.06)
        for head, ends in (("95 % interval", ("low", "high")),
                           ("With gain error", ("low_total", "high_total"))):  # fmt: skip
            if ratio["low"] is not None:
                told_ends = [number(end) for end in cells[head].split(" – ")]
                assert told_ends == pytest.approx([ratio[end] for end in ends], rel=6e-3)


def test_an_uneven_interval_is_said_with_both_its_arms():
    assert deviation_text(119.0, 84.5, 170.3) == "−29/+43 %"
    assert deviation_text(100.0, 98.0, 102.04) == "±2.0 %"
    assert deviation_text(5.0, -2.0, 12.0) == ""
    assert deviation_text(5.0, 1.0, 25.0) == "×/÷ 5.0"
    assert deviation_text(5.0, None, None) == ""
    assert deviation_text(0.0, -1.0, 1.0) == ""
