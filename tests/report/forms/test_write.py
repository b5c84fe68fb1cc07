"""What is written: complete, reproducible, and honest about what is missing."""

import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from llamawatt.core.errors import RunDirectoryError
from llamawatt.core.plan import ModelRecord
from llamawatt.report.figures.listed import figures_of
from llamawatt.report.forms.json_form import report_schema
from llamawatt.report.forms.write import write_report
from llamawatt.runs.store import read_run
from tests.report.conftest import DATE, write_run

SCHEMA = Path(__file__).parents[3] / "docs" / "reference" / "report.schema.json"
PAPER_FIGURES = {"energy_vs_latency", "metrics_comparison", "ablation_threads", "ablation_layers",
                 "ablation_batch", "power_trace"}  # fmt: skip


def test_every_figure_that_the_data_allow_is_drawn(paper):
    names = {path.stem for path in paper.figures}
    assert names >= PAPER_FIGURES
    always = {spec.name for spec in figures_of(paper.model) if not spec.group}
    assert names | {entry.name for entry in paper.missing} == always
    assert {entry.name for entry in paper.missing} == {"quantization_pareto"}
    for path in paper.figures:
        data = path.read_bytes()
        assert data.startswith(b"\x89PNG" if path.suffix == ".png" else b"<?xml")
        if path.suffix == ".svg":
            ET.fromstring(data)


def test_a_second_run_writes_the_same_bytes_apart_from_the_date(paper, tmp_path):
    again = write_report(read_run(paper.folder.parent), tmp_path, "2031-12-31")
    for path in (paper.html, paper.markdown, paper.csv, paper.json, *paper.figures):
        other = again.folder / path.relative_to(paper.folder)
        assert path.read_bytes().replace(DATE.encode(), b"2031-12-31") == other.read_bytes()


def test_the_json_keeps_to_the_published_schema(paper):
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(paper.json.read_text()), schema)
    broken = {**json.loads(paper.json.read_text()), "rows": [{"arm": 1}]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)


def test_the_published_schema_is_the_one_of_the_code():
    assert SCHEMA.read_text() == report_schema(), "regenerate docs/reference/report.schema.json"


def test_the_csv_has_units_and_leaves_unknowns_empty(paper):
    rows = list(csv.DictReader(paper.csv.read_text().splitlines()))
    cpu = [r for r in rows if (r["arm"], r["suite"], r["metric"], r["purpose"]) ==
           ("cpu", "short_dialogue", "energy_j", "suite")]  # fmt: skip
    assert len(cpu) == 1
    assert float(cpu[0]["value"]) == pytest.approx(156, rel=0.02)
    assert cpu[0]["unit"] == "J"
    assert cpu[0]["methods"] == "counter"
    assert {r["gain"] for r in rows if r["metric"] == "latency_s"} == {""}


def test_every_line_of_the_csv_says_its_run_model_and_machine(paper):
    rows = list(csv.DictReader(paper.csv.read_text().splitlines()))
    models = {arm.name: arm.model for arm in paper.model.study.arms}
    assert {r["run"] for r in rows} == {paper.model.run}
    assert all(r["model"] == models[r["arm"]] != "" for r in rows)
    (machine,) = {r["machine"] for r in rows}
    assert machine.startswith(paper.model.machine.cpu)
    assert all(gpu.name in machine for gpu in paper.model.machine.gpus)


def test_the_markdown_names_figures_that_exist(paper):
    text = paper.markdown.read_text()
    linked = re.findall(r"\((figures/[^)]+)\)", text)
    assert len(linked) == len(paper.figures) // 2
    assert all((paper.folder / name).is_file() for name in linked)
    assert "## How far to trust this" in text


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.charts, self.marks = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if "id" in found:
            self.ids.append(found["id"])
        self.links += [found[k] for k in ("src", "href", "xlink:href") if k in found]
        if "chart" in found.get("class", "").split():
            self.charts.append(found)
        if found.get("class") == "mark":
            self.marks.append(found)


@pytest.fixture(scope="module")
def page(paper):
    return Page(paper.html.read_text())


def test_the_page_stands_alone(paper, page):
    assert all(link.startswith(("#", "data:")) for link in page.links)
    text = paper.html.read_text()
    assert not re.search(r"@import|url\(\s*['\"]?https?:", text)
    assert set(re.findall(r"https?://[\w.]+", text)) <= {"http://www.w3.org"}


def test_ids_are_unique_and_anchors_lead_somewhere(page):
    assert len(page.ids) == len(set(page.ids))
    anchors = {link[1:] for link in page.links if link.startswith("#")}
    assert anchors <= set(page.ids)


def test_every_figure_is_there_twice_for_two_widths(page, paper):
    assert len(page.charts) == len(paper.figures)
    assert all(chart["aria-label"] and chart["role"] == "group" for chart in page.charts)


def test_marks_can_be_reached_and_speak(page):
    assert len(page.marks) > 50
    assert all(mark["tabindex"] == "0" and mark["aria-label"] for mark in page.marks)


def test_colours_follow_the_page(paper):
    for svg in re.findall(r"<svg.*?</svg>", paper.html.read_text(), re.DOTALL):
        assert "var(--ink)" in svg
        assert "#1b1f24" not in svg


def test_names_from_files_cannot_inject(small, only_plots):
    only_plots("energy_vs_latency")
    run = read_run(small)
    name = "<script>alert(1)</script>"
    model = replace(run.study.models[0], name=name)
    arms = tuple(replace(arm, model=name) for arm in run.study.arms)
    run = replace(run, study=replace(run.study, models=(model,), arms=arms, command=name))
    text = write_report(run, made_at=DATE).html.read_text()
    assert name not in text
    assert "&lt;script&gt;" in text


def test_a_small_run_says_which_figures_are_missing_and_why(small):
    files = write_report(read_run(small), made_at=DATE)
    reasons = {entry.name: entry.missing for entry in files.missing}
    assert "run the study `threads` or `paper`" in reasons["ablation_threads"]
    assert reasons["power_trace"] == "no trace of a trial was kept"
    assert {path.stem for path in files.figures} == {
        "energy_vs_latency", "metrics_comparison", "edp_ranking", "pareto", "phase_split",
        "roofline",
    }  # fmt: skip
    assert "ablation_threads" in files.html.read_text()


def test_a_figure_that_no_longer_fits_the_data_does_not_stay(small, only_plots):
    only_plots("power_trace")
    stale = small / "report" / "figures" / "power_trace.png"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"old")
    write_report(read_run(small), made_at=DATE)
    assert not stale.exists()


def test_a_run_without_a_finished_trial_still_reports(small):
    run = replace(read_run(small), trials=())
    files = write_report(run, made_at=DATE)
    assert not files.figures
    assert {entry.missing for entry in files.missing} >= {"no trial has finished"}
    assert "nothing to tell" in files.html.read_text()


def test_a_run_without_any_meter_draws_time_and_no_zero_joules(tmp_path, only_plots):
    only_plots("energy_vs_latency", "metrics_comparison", "ablation_threads")
    run = read_run(write_run(tmp_path / "run", (), metered=False, n_blocks=3, phases=False))
    files = write_report(run, made_at=DATE)
    drawn = {path.stem for path in files.figures}
    assert {"metrics_comparison", "ablation_threads"} <= drawn
    assert "energy_vs_latency" not in drawn
    assert not any("energy_j" in row.estimates for row in files.model.rows)


def test_a_broken_trace_is_said_and_the_next_one_is_used(tmp_path, only_plots):
    only_plots("power_trace")
    path = write_run(tmp_path / "run", ("gpu",), n_blocks=2, phases=False)
    first = next(t for t in read_run(path).trials if t.arm == "cpu")
    (path / "traces" / f"{first.trial_id}.parquet").write_bytes(b"torn")
    files = write_report(read_run(path), made_at=DATE)
    assert [trace.arm for trace in files.model.traces] == ["gpu"]
    assert "not a readable trace" in " ".join(files.model.warnings)
    assert "not a readable trace" in files.html.read_text()


def test_a_folder_that_cannot_be_written_is_one_sentence(small, tmp_path, only_plots):
    only_plots()
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(RunDirectoryError, match="Could not write the report"):
        write_report(read_run(small), blocked, DATE)


def test_quantization_is_drawn_where_it_was_run(tmp_path, only_plots):
    only_plots("quantization_pareto")
    run = read_run(write_run(tmp_path / "run", (), n_blocks=3, phases=False))
    tiny = run.study.models[0]
    low = ModelRecord("low", "low.gguf", "ef" * 32, 9, bits_per_weight=2.6)
    models = {"cpu": "low", "gpu": "tiny", "hybrid": "tiny"}
    arms = tuple(
        replace(arm, group="quantization", also_in=(), model=models[arm.device])
        for arm in run.study.arms
    )
    run = replace(run, study=replace(run.study, models=(tiny, low), arms=arms))
    files = write_report(run, made_at=DATE)
    assert "quantization_pareto" in {path.stem for path in files.figures}
