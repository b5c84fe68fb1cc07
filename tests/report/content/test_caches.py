"""Cache settings in the report: energy beside quality, and a cheapest that heeds the verdict."""

import json
from dataclasses import replace

import pytest
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

from llamawatt.core.cache_types import BYTES_PER_ELEMENT, cache_bytes_per_token
from llamawatt.core.plan import ModelRecord, QualityRecord
from llamawatt.models.gguf.kv_cache import CACHE_TYPES
from llamawatt.report.content.source import source_of
from llamawatt.report.content.summary import summarise
from llamawatt.report.forms.write import write_report
from llamawatt.runs.store import read_run
from tests.analysis.synthetic import paper_arms
from tests.report.conftest import DATE, write_run

MODEL = ModelRecord("wide", "wide.gguf", "ab" * 32, 80_000_000, kv_bytes_per_token=23040.0)
SETTINGS = (("f16", "on"), ("q4_0", "on"), ("f16", "off"))
REFERENCE = "wide at f16 cache with flash attention"


def judged(kind, flash, kld):
    return QualityRecord("wide", 20.0, 19.0, 21.0, 1.1, kld, kld * 0.8, kld * 1.25, kld * 9, 0.9,
                         REFERENCE, "text", 3066, "library 1", "", kind, kind, flash, 1024,
                         "settings")  # fmt: skip


def cache_run(path, names, n_blocks=3):
    """Three settings that cost what the named arms of the paper's study cost."""
    by_name = {arm.record.name: arm for arm in paper_arms()}
    arms = [
        replace(by_name[name], record=replace(
            by_name[name].record, group="cache", also_in=(), device="cpu", model="wide",
            name=f"cpu {kind} {flash}", factors={},
            spec={"cache_type_k": kind, "cache_type_v": kind, "flash_attn": flash},
        ))
        for name, (kind, flash) in zip(names, SETTINGS, strict=True)
    ]  # fmt: skip
    run = read_run(write_run(path, (), arms=arms, n_blocks=n_blocks, phases=False))
    return replace(run, study=replace(run.study, models=(MODEL,)))


@pytest.fixture(scope="module")
def apart(tmp_path_factory):
    """The f16 cache costs what the CPU does, q4_0 what the GPU does."""
    return cache_run(tmp_path_factory.mktemp("apart") / "run", ("cpu", "gpu", "cpu n_threads=4"), 6)


@pytest.fixture(scope="module")
def alike(tmp_path_factory):
    """The f16 cache and q4_0 cost the same but for the noise."""
    return cache_run(tmp_path_factory.mktemp("alike") / "run", ("cpu", "cpu", "gpu"))


def with_quality(run, coarse=0.05, off=0.001):
    records = judged("f16", "on", 0.0), judged("q4_0", "on", coarse), judged("f16", "off", off)
    return replace(run, quality=records)


def passage(run, words):
    found = [p for p in summarise(source_of(run), DATE).passages if words in p.title]
    assert len(found) == 1
    return found[0]


def test_whether_a_smaller_cache_saved_energy_is_said_with_its_bytes(apart):
    found = passage(apart, "maller cache")
    ratios = [f.energy for f in summarise(source_of(apart)).findings
              if f.kind == "cache" and f.is_smaller]  # fmt: skip
    assert ratios
    assert ("COST" in found.title) == all(ratio.value > 1 for ratio in ratios)
    told = " ".join(found.points)
    assert "6.48 kB of cache per token of context against 23.0 kB" in told
    assert "f16 cache without flash attention" in told


def test_a_setting_is_held_against_the_same_flash_attention(apart):
    arms = [
        replace(arm, spec={**arm.spec, "flash_attn": "off"}) if "q4_0" in arm.name else arm
        for arm in apart.study.arms
    ]
    run = replace(apart, study=replace(apart.study, arms=tuple(arms)))
    held = {(f.setting, f.plain) for f in summarise(source_of(run)).findings if f.kind == "cache"}
    plain, other = "f16 cache with flash attention", "f16 cache without flash attention"
    assert held == {("q4_0 cache without flash attention", other), (other, plain)}


def test_a_larger_cache_is_no_smaller_one(apart):
    wider = {"cache_type_k": "f32", "cache_type_v": "f32", "flash_attn": "on"}
    arms = [replace(a, spec=wider) if "q4_0" in a.name else a for a in apart.study.arms]
    run = replace(apart, study=replace(apart.study, arms=tuple(arms)))
    found = [f for f in summarise(source_of(run)).findings if f.kind == "cache"]
    assert found
    assert not any(f.is_smaller for f in found)
    passage(run, "What the cache settings do")


def test_equal_energies_are_not_told_apart(alike):
    assert "cannot be told" in passage(alike, "maller cache").title


def test_energy_and_quality_of_settings_stand_side_by_side(apart, tmp_path, only_plots):
    only_plots("cache_pareto")
    files = write_report(with_quality(apart), tmp_path, DATE)
    (entry,) = files.model.figures
    assert f"the divergence is from {REFERENCE}" in entry.caption
    for shown in (files.html.read_text(), files.markdown.read_text()):
        assert "Cache settings" in shown
        assert "6.48 kB" in shown
    told = json.loads(files.json.read_text())
    assert {f["kind"] for f in told["findings"]} >= {"cache", "cheapest"}
    assert told["quality"][1]["cache_type_v"] == "q4_0"


def test_without_quality_settings_stand_against_their_bytes(apart, tmp_path, only_plots):
    only_plots("cache_pareto")
    (entry,) = write_report(apart, tmp_path, DATE).model.figures
    assert "Against bytes of cache, because quality was not judged" in entry.caption


def test_a_study_without_caches_does_not_miss_their_figure(small, tmp_path, only_plots):
    only_plots("cache_pareto")
    files = write_report(read_run(small), tmp_path / "out", DATE)
    assert files.model.figures == ()
    assert "Cache settings" not in files.markdown.read_text()


def test_a_clear_cheapest_is_named_alone(apart):
    run = with_quality(apart, coarse=0.5)
    cheap = next(f for f in summarise(source_of(run)).findings if f.kind == "cheapest")
    found = passage(run, "still passes")
    assert cheap.tied == ()
    assert "told apart" not in found.title
    assert "q4_0" not in found.title


def test_a_cheapest_that_is_not_distinguishable_is_named_with_its_rival(alike):
    found = passage(with_quality(alike, off=0.5), "still passes")
    assert "f16 cache with flash attention" in found.title
    assert "q4_0 cache with flash attention" in found.title
    assert "told apart" in found.title
    assert all("by the mean only, not distinguishable from" in point for point in found.points)


def test_what_does_not_pass_is_no_rival(alike):
    found = passage(with_quality(alike, coarse=0.5, off=0.5), "still passes")
    assert found.title == "Cheapest that still passes: f16 cache with flash attention"


def test_settings_that_were_not_judged_say_why(apart):
    why = "its weights are random"
    records = [replace(judged(kind, flash, 0.0), kld=None, not_judged=why)
               for kind, flash in SETTINGS]  # fmt: skip
    found = passage(replace(apart, quality=tuple(records)), "Quality of the cache settings")
    assert why in found.text


def test_models_that_were_judged_are_no_settings(apart):
    run = replace(apart, quality=(QualityRecord("wide", 20.0),))
    titles = [p.title for p in summarise(source_of(run), DATE).passages]
    assert not [title for title in titles if "passes" in title or "Quality of" in title]


def test_bytes_per_element_are_those_of_ggml():
    assert set(BYTES_PER_ELEMENT) == set(CACHE_TYPES)
    for name, each_bytes in BYTES_PER_ELEMENT.items():
        block, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType[name.upper()]]
        assert each_bytes == block_bytes / block


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, 23040.0),
        ({"cache_type_k": "q8_0", "cache_type_v": "q8_0"}, 12240.0),
        ({"cache_type_k": "q8_0"}, (12240.0 + 23040.0) / 2),
        ({"cache_type_k": "of a later day"}, None),
    ],
)
def test_a_cache_takes_what_its_types_take(spec, expected):
    arm = replace(paper_arms()[0].record, spec=spec)
    assert cache_bytes_per_token(MODEL, arm) == expected
    assert cache_bytes_per_token(replace(MODEL, kv_bytes_per_token=None), arm) is None
