"""A study's models are judged against the one with most bits; random weights are not judged."""

from pathlib import Path

import pytest

from llamawatt.core.plan import ModelRecord
from llamawatt.models.scores import Plan
from llamawatt.study.judge import judge, reference_of
from llamawatt.study.load import load_study
from llamawatt.study.plan import ModelSource
from llamawatt.study.spec import compares_bits
from tests.models.test_quality import Simulated


class Recording(Simulated):
    """Remembers which reference each model was held against."""

    def score(self, subject, reference, text, plan, work, progress=None):
        found = super().score(subject, reference, text, plan, work, progress)
        self.against = {*getattr(self, "against", ()), reference and reference.path.name}
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
    found = judge(models, backend, Plan())
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
    assert judge(models, first, Plan()) == judge(models, second, Plan())
    assert first.judged == ["q2", "q8"]
    assert second.judged == []


def test_random_weights_are_not_judged_and_are_no_reference(source):
    backend = Recording()
    models = [source("random", 16.0, synthetic=True), source("q4", 4.5), source("q8", 8.5)]
    found = judge(models, backend, Plan())
    assert "random" in found[0].not_judged
    assert found[0].perplexity is None
    assert backend.against == {"q8"}


def test_only_random_weights_need_no_backend(source):
    backend = Simulated()
    found = judge([source("a", 4.5, synthetic=True), source("b", 8.5, synthetic=True)], backend,
                  Plan())  # fmt: skip
    assert all("random" in record.not_judged for record in found)
    assert backend.judged == []


def test_one_model_alone_has_no_divergence(source):
    (found,) = judge([source("q4", 4.5)], Simulated(), Plan())
    assert found.perplexity is not None
    assert (found.kld, found.kld_low, found.kld_p99, found.same_top) == (None,) * 4
    assert found.reference == ""


def test_a_model_that_cannot_be_judged_costs_the_others_nothing(source):
    backend = Simulated(fails_on="q4")
    found = judge([source("q2", 2.6), source("q4", 4.5), source("q8", 8.5)], backend, Plan())
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
