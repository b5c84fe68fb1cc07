"""Bit widths in the report: energy beside quality, and what is said where quality is missing."""

import json
from dataclasses import replace

import pytest

from llamawatt.core.plan import ModelRecord, QualityRecord
from llamawatt.report.content.quality_limit import KLD_PASSES
from llamawatt.report.content.source import source_at, source_of
from llamawatt.report.content.summary import summarise
from llamawatt.report.forms.write import write_report
from llamawatt.runs.quality import write_quality
from llamawatt.runs.store import read_run
from tests.analysis.synthetic import paper_arms
from tests.report.conftest import DATE, write_run

MODELS = (
    ModelRecord("wide", "wide.gguf", "ab" * 32, 80_000_000, bits_per_weight=8.5),
    ModelRecord("mid", "mid.gguf", "cd" * 32, 40_000_000, bits_per_weight=4.5),
    ModelRecord("low", "low.gguf", "ef" * 32, 20_000_000, bits_per_weight=2.6),
)


def judged(name, kld, ppl=20.0):
    return QualityRecord(name, ppl, ppl - 1, ppl + 1, 1.1, kld, kld * 0.8, kld * 1.25, kld * 9, 0.9,
                         "wide", "text", 4096, "library 1")  # fmt: skip


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Three bit widths that were not judged: wide on the CPU, mid and low on the GPU's figures."""
    path = tmp_path_factory.mktemp("bits") / "run"
    arms = [arm for arm in paper_arms() if arm.record.name in {"cpu", "gpu"}]
    arms += [arm for arm in paper_arms() if arm.record.name == "cpu n_threads=4"]
    named = dict(zip([arm.record.name for arm in arms], MODELS, strict=True))
    arms = [
        replace(arm, record=replace(arm.record, group="quantization", also_in=(), device="cpu",
                                    model=named[arm.record.name].name))
        for arm in arms
    ]  # fmt: skip
    write_run(path, (), arms=arms, n_blocks=3, phases=False)
    run = read_run(path)
    return replace(run, study=replace(run.study, models=MODELS))


def with_quality(run, *records):
    return replace(run, quality=records)


def told(run):
    model = summarise(source_of(run), DATE)
    return {passage.title: passage for passage in model.passages}


def test_whether_fewer_bits_saved_energy_is_said(plain):
    (title,) = [title for title in told(plain) if "ewer bits" in title]
    passage = told(plain)[title]
    assert "2.6" in passage.text
    assert "8.5" in passage.text
    ratio = next(f for f in summarise(source_of(plain)).findings if f.kind == "bits").energy
    assert ("COST" in title) == (ratio.value > 1)


def test_without_quality_the_report_says_so(plain, tmp_path):
    files = write_report(plain, tmp_path, DATE)
    entry = next(e for e in files.model.figures if e.name == "quantization_pareto")
    assert "quality was not judged" in entry.caption
    assert "bits per weight" in entry.caption
    text = files.markdown.read_text()
    assert "### Bit widths" in text
    assert "still passes" not in text
    assert json.loads(files.json.read_text())["quality"] == []


def test_energy_and_quality_stand_side_by_side(plain, tmp_path):
    run = with_quality(plain, judged("wide", 0.0), judged("mid", 0.05), judged("low", 0.8, 77.0))
    files = write_report(run, tmp_path, DATE)
    entry = next(e for e in files.model.figures if e.name == "quantization_pareto")
    assert "the divergence is from wide" in entry.caption
    page, text = files.html.read_text(), files.markdown.read_text()
    for shown in (page, text):
        assert "77.0 [76.0, 78.0]" in shown
        assert "Bit widths" in shown
    svg = next(p for p in files.figures if p.name == "quantization_pareto.svg").read_text()
    assert "Mean divergence from the reference" in svg
    assert json.loads(files.json.read_text())["quality"][2]["perplexity"] == 77.0


@pytest.mark.parametrize(
    ("mid", "low", "winner"), [(0.05, 0.8, "mid"), (0.5, 0.8, "wide"), (0.09, 0.0999, "?")]
)
def test_the_cheapest_that_still_passes_is_named(plain, mid, low, winner):
    run = with_quality(plain, judged("wide", 0.0), judged("mid", mid), judged("low", low))
    model = summarise(source_of(run), DATE)
    passage = next(p for p in model.passages if "passes" in p.title)
    passing = {"wide"} | {n for n, kld in (("mid", mid), ("low", low)) if kld <= KLD_PASSES}
    joules = {
        arm.model: row.estimates["j_per_token"].value
        for arm in run.study.arms
        for row in model.suite_rows("quantization", "short_dialogue")
        if row.arm == arm.name
    }
    best = min(passing, key=joules.__getitem__)
    assert f"Short dialogue: {best} (" in " ".join(passage.points)
    assert winner in {best, "?"}


def test_an_interval_beyond_the_limit_is_told(plain):
    run = with_quality(plain, judged("wide", 9.0), judged("mid", 0.095), judged("low", 9.0))
    passage = next(p for p in summarise(source_of(run)).passages if "passes" in p.title)
    assert "reaches beyond the limit" in passage.points[0]


def test_random_weights_are_neither_passed_nor_failed(plain, tmp_path):
    why = "its weights are random"
    records = [QualityRecord(model.name, not_judged=why) for model in MODELS]
    files = write_report(with_quality(plain, *records), tmp_path, DATE)
    passage = next(p for p in files.model.passages if p.title == "Quality of the bit widths")
    assert why in passage.text
    entry = next(e for e in files.model.figures if e.name == "quantization_pareto")
    assert why in entry.caption


def test_a_large_run_keeps_its_quality(tmp_path):
    path = write_run(tmp_path / "run", (), arms=paper_arms()[:2], n_blocks=3, phases=False)
    write_quality(path, [judged("tiny", 0.0)])
    assert source_at(path).quality == read_run(path).quality == (judged("tiny", 0.0),)
