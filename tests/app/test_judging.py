"""Models are judged against the one with most bits, cache settings against f16."""

from dataclasses import replace
from pathlib import Path

import pytest

from llamawatt.app.judging import LONG_CTX, Judging, judge, judge_plan, judge_settings, reference_of
from llamawatt.core.errors import ModelError
from llamawatt.core.plan import ModelRecord
from llamawatt.quality.loaded import Setting
from llamawatt.quality.scores import Plan
from llamawatt.study.load import load_study
from llamawatt.study.plan import ModelSource
from llamawatt.study.spec import compares_bits, compares_caches
from tests.quality.test_judgement import Simulated
from tests.study.simulated import simulated_plan


class Recording(Simulated):
    """Remembers which reference each model was held against."""

    def score(self, subject, reference, text, plan, work, progress=None):
        found = super().score(subject, reference, text, plan, work, progress)
        self.against = {*getattr(self, "against", ()), reference and reference.path.name}
        self.bases = {*getattr(self, "bases", ()), reference and reference.setting}
        self.windows = {*getattr(self, "windows", ()), plan.n_ctx}
        return found


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LLAMAWATT_CACHE", str(tmp_path / "cache"))

    def make(name: str, bits: float | None, synthetic: bool = False) -> ModelSource:
        path = tmp_path / name
        path.write_bytes(b"GGUF" + name.encode())
        record = ModelRecord(name, name, name * 8, 9, bits_per_weight=bits, synthetic=synthetic)
        return ModelSource(record, path)

    return make


def test_each_model_is_held_against_the_one_with_most_bits(source):
    backend = Recording()
    models = [source("q2", 2.6), source("q8", 8.5), source("q8-again", 8.5), source("q4", 4.5)]
    found = judge(models, Judging(backend, Plan()))
    assert [record.model for record in found] == ["q2", "q8", "q8-again", "q4"]
    assert backend.against == {"q8"}
    assert {record.reference for record in found} == {"q8"}
    for record in found:
        assert record.perplexity_low < record.perplexity < record.perplexity_high
        assert record.kld_low < record.kld < record.kld_high < record.kld_p99
        assert record.text == "llamawatt-english"
        assert record.backend == "simulated 1"
        assert not record.not_judged


def test_what_was_judged_is_not_judged_again(source):
    models, first, second = [source("q2", 2.6), source("q8", 8.5)], Simulated(), Simulated()
    assert judge(models, Judging(first, Plan())) == judge(models, Judging(second, Plan()))
    assert first.judged == ["q2", "q8"]
    assert second.judged == []


def test_without_anything_that_judges_every_model_says_why(source):
    nothing = ModelError("There is no llama.cpp here.", "Install one.")
    found = judge([source("q4", 4.5), source("q8", 8.5)], Judging(nothing, Plan()))
    assert [record.not_judged for record in found] == [
        "There is no llama.cpp here. Install one."
    ] * 2


def test_random_weights_are_not_judged_and_are_no_reference(source):
    backend = Recording()
    models = [source("random", 16.0, synthetic=True), source("q4", 4.5), source("q8", 8.5)]
    found = judge(models, Judging(backend, Plan()))
    assert "random" in found[0].not_judged
    assert found[0].perplexity is None
    assert backend.against == {"q8"}


def test_only_random_weights_need_no_backend(source):
    backend = Simulated()
    found = judge([source("a", 4.5, synthetic=True), source("b", 8.5, synthetic=True)],
                  Judging(backend, Plan()))  # fmt: skip
    assert all("random" in record.not_judged for record in found)
    assert backend.judged == []


def test_one_model_alone_has_no_divergence(source):
    (found,) = judge([source("q4", 4.5)], Judging(Simulated(), Plan()))
    assert found.perplexity is not None
    assert (found.kld, found.kld_low, found.kld_p99, found.same_top) == (None,) * 4
    assert found.reference == ""


def test_a_model_that_cannot_be_judged_costs_the_others_nothing(source):
    backend = Simulated(fails_on="q4")
    found = judge(
        [source("q2", 2.6), source("q4", 4.5), source("q8", 8.5)], Judging(backend, Plan())
    )
    assert [bool(record.perplexity) for record in found] == [True, False, True]
    assert "It died" in found[1].not_judged
    assert backend.judged == ["q2", "q8"], "none is judged twice"


def test_unknown_bits_are_no_reference(source):
    models = [source("unknown", None), source("q2", 2.6)]
    assert reference_of(models) is models[1]


def test_bit_widths_are_judged_without_being_asked():
    assert compares_bits(load_study("quantization"), 2)
    assert not compares_bits(load_study("quantization"), 1)
    assert not compares_bits(load_study("baseline"), 2)


F16, Q8, Q4 = (Setting(name, name, "on") for name in ("f16", "q8_0", "q4_0"))
OFF = Setting(flash_attn="off")


def test_each_setting_is_held_against_the_f16_cache_of_its_own_model(source):
    backend = Recording()
    found = judge_settings(source("q4", 4.5), (Q8, F16, OFF), Judging(backend, Plan()))
    assert [(r.cache_type_k, r.cache_type_v, r.flash_attn) for r in found] == [
        ("q8_0", "q8_0", "on"), ("f16", "f16", "on"), ("f16", "f16", "off")
    ]  # fmt: skip
    assert backend.bases == {F16}
    assert backend.windows == {LONG_CTX}
    assert {record.reference for record in found} == {"q4 at f16 cache with flash attention"}
    assert {(record.among, record.n_ctx) for record in found} == {("settings", LONG_CTX)}


def test_without_an_f16_arm_the_reference_is_made_all_the_same(source):
    backend = Recording()
    judge_settings(source("q4", 4.5), (Q8, Q4), Judging(backend, Plan()))
    assert backend.bases == {Setting()}


def test_a_short_context_shortens_the_window(source):
    backend = Recording()
    judge_settings(replace(source("q4", 4.5), n_ctx_train=256), (F16, Q8), Judging(backend, Plan()))
    assert backend.windows == {256}


def test_a_setting_judged_once_is_not_judged_again(source):
    model, backend = source("q4", 4.5), Simulated()
    judge_settings(model, (F16, Q8), Judging(backend, Plan()))
    found = judge_settings(model, (F16, Q8, Q4), Judging(backend, Plan()))
    assert backend.judged == ["q4"] * 3
    assert len(found) == 3


def test_a_setting_that_cannot_be_judged_says_why(source):
    found = judge_settings(source("q4", 4.5), (F16, Q8), Judging(Simulated(fails_on="q4"), Plan()))
    assert all("It died" in record.not_judged for record in found)
    assert found[1].cache_type_k == "q8_0"
    random = source("random", 4.5, synthetic=True)
    (record, _) = judge_settings(random, (F16, Q8), Judging(Simulated(), Plan()))
    assert "random" in record.not_judged
    assert record.among == "settings"


def test_a_cache_study_judges_settings_and_others_judge_models(source):
    def judged(name):
        plan = simulated_plan(load_study(name))
        return judge_plan(
            replace(plan, models={"m": source("m", 4.5)}), Judging(Simulated(), Plan())
        )

    assert [record.among for record in judged("cache")] == ["settings"] * 4
    assert [record.among for record in judged("threads")] == ["models"]


def test_cache_types_are_judged_without_being_asked():
    assert compares_caches(load_study("cache"))
    assert not compares_caches(load_study("quantization"))
