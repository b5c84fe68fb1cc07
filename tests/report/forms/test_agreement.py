"""Terminal, JSON, CSV, Markdown and page of one run say the same figures."""

import csv
import html
import io
import json
import re

import pytest
from rich.console import Console

from llamawatt.cli.tables import print_run
from llamawatt.core.format import MISSING, duration_text, number_text
from llamawatt.core.metrics import METRICS, Use, keys
from llamawatt.core.settings import SETTINGS, Assumptions
from llamawatt.report.content.source import source_at
from llamawatt.report.content.summary import summarise
from llamawatt.report.forms.run_json import run_json
from llamawatt.report.forms.write import write_report
from tests.report.conftest import DATE, write_run

EVERYTHING = Assumptions(
    {s.key: float(s.example) for s in SETTINGS.values() if s.is_assumption and s.key != "currency"},
    "CHF",
)
TERMINAL = {  # column of the table of results → metric, and how it is printed
    1: ("latency_s", duration_text),
    2: ("decode_tok_per_s", number_text),
    3: ("energy_j", number_text),
    5: ("j_per_token", number_text),
    6: ("edp_js", number_text),
}


@pytest.fixture(scope="module", params=[False, True], ids=["measured", "modelled"])
def run(request, tmp_path_factory):
    path = write_run(
        tmp_path_factory.mktemp("forms") / "run", (), n_blocks=3, modelled=request.param
    )
    return path, summarise(source_at(path, EVERYTHING))


@pytest.fixture(scope="module")
def files(run):
    return write_report(run[0], made_at=DATE, assumed=EVERYTHING)


def results(model):
    """Every figure of a suite's windows, by arm, suite and metric."""
    return {
        (row.arm, row.suite, key): made
        for row in model.suite_rows()
        for key, made in row.estimates.items()
    }


def terminal(model):
    """Numbers of each table printed, by suite and setting: one list of rows per table."""
    console = Console(file=io.StringIO(), width=200)
    print_run(model, console)
    found, suite = [], ""
    arms, suites = {row.arm for row in model.rows}, {row.suite for row in model.rows}
    for line in console.file.getvalue().splitlines():
        cells = re.split(r"\s{2,}", line.strip())
        if not line.strip():
            found.append({})
        elif cells[0] in suites and len(cells) == 1:
            suite = cells[0]
        elif cells[0] in arms and line.startswith("  "):
            found = found or [{}]
            found[-1][cells[0], suite] = cells[1:]
    return [table for table in found if table]


def markdown_rows(text, title):
    part = text.split(f"### {title}\n\n")[1].split("\n\n")[0]
    heads, _, *rows = [
        [re.sub(r"\\(.)", r"\1", cell.strip()) for cell in line.strip("|").split(" | ")]
        for line in part.splitlines()
    ]
    return [dict(zip(heads, map(str.strip, row), strict=True)) for row in rows]


def page_rows(text, title):
    table = text.split(f"{html.escape(title)}</h3>")[1].split("</table>")[0]
    heads = [plain(cell) for cell in re.findall(r"<th\b.*?</th>", table, re.DOTALL)]
    return [
        dict(zip(heads, map(plain, re.findall(r"<td\b.*?</td>", row, re.DOTALL)), strict=False))
        for row in re.findall(r"<tr\b.*?</tr>", table.split("<tbody")[1], re.DOTALL)
    ]


def plain(cell):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", cell)).split())


def test_json_on_stdout_and_the_reports_json_have_every_figure(run, files):
    path, model = run
    stdout = json.loads(run_json(model, str(path)))
    report = json.loads(files.json.read_text())
    for document, entries in ((stdout, stdout["results"]), (report, report["rows"])):
        assert len(entries) == len(model.rows), document.keys()
    for row, short, long in zip(model.rows, stdout["results"], report["rows"], strict=True):
        for key in model.metrics:
            made = row.estimates.get(key)
            want = None if made is None else {
                "value": made.value, "low": made.low, "high": made.high,
            }  # fmt: skip
            assert short["metrics"][key] == want
            found = long["estimates"].get(key)
            assert (None if found is None else {k: found[k] for k in want}) == want
    units = {key: facts["unit"] for key, facts in report["metrics"].items()}
    assert units == stdout["units"] == {key: facts.unit for key, facts in model.metrics.items()}


def test_the_csv_has_every_figure_and_unit(run, files):
    _, model = run
    rows = list(csv.DictReader(io.StringIO(files.csv.read_text())))
    assert len(rows) == sum(len(row.estimates) for row in model.rows)
    found = {(r["arm"], r["suite"], r["metric"]): r for r in rows if r["purpose"] == "suite"}
    for key, made in results(model).items():
        assert float(found[key]["value"]) == made.value
        assert (found[key]["low"] or "None") == str(made.low)
        assert found[key]["unit"] == model.metrics[key[2]].unit


@pytest.mark.parametrize(
    ("title", "use"),
    [("What a reply costs, by suite and setting", Use.RESULTS), ("What that is worth", Use.WORTH)],
)
def test_markdown_and_page_have_the_same_cells_and_those_figures(run, files, title, use):
    _, model = run
    shown = [key for key in keys(use) if key in model.metrics]
    if not shown:
        pytest.skip("no metric is shown there")
    rows = markdown_rows(files.markdown.read_text(), title)
    page = page_rows(files.html.read_text(), title)
    assert len(rows) == len(page) == len(model.suite_rows())
    for row, cells, other in zip(model.suite_rows(), rows, page, strict=True):
        assert cells["Setting"] == other["Setting"] == row.arm
        for key in shown:
            heading = model.metrics[key].heading
            made = row.estimates.get(key)
            text = MISSING if made is None else number_text(made.value)
            assert cells[heading] == other[heading]
            assert cells[heading].removeprefix("~").split(" ")[0] == text


def test_the_terminal_has_those_figures_too(run):
    _, model = run
    first, *rest = terminal(model)
    figures = results(model)
    assert set(first) == {(row.arm, row.suite) for row in model.suite_rows()}
    for (arm, suite), cells in first.items():
        for column, (key, text) in TERMINAL.items():
            made = figures.get((arm, suite, key))
            said = cells[column].removeprefix("~")
            assert said == (MISSING if made is None else text(made.value)), key
    worth = [key for key in keys(Use.WORTH) if key in model.metrics]
    assert bool(rest) is bool(worth)
    for table in rest:
        for (arm, suite), cells in table.items():
            said = [cell.removeprefix("~").split(" ")[0] for cell in cells]
            assert said == [number_text(figures[arm, suite, key].value) for key in worth]


def test_what_is_assumed_reaches_no_figure_that_does_not_need_it(run):
    path, model = run
    bare = summarise(source_at(path))
    needing = {key for key in METRICS if set(METRICS[key].needs) & EVERYTHING.numbers.keys()}
    assert set(model.metrics) - set(bare.metrics) == needing
    for key, made in results(bare).items():
        assert results(model)[key] == made
