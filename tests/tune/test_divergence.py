"""Quality is judged once for each kind of change, and only where it is bounded."""

from dataclasses import replace

import pytest

from llamawatt.core.plan import QualityRecord
from llamawatt.tune.divergence import Divergence
from llamawatt.tune.search.space import Knob, Scope
from tests.tune.simulated import KNOBS, MODEL, SHAPE, prepared

CACHE = Knob("cache_type", ("f16", "q8_0", "q4_0"), "f16")


def judge(ready, calls, *, cannot=False):
    def models(sources):
        calls.append("models")
        return tuple(
            QualityRecord(s.record.name, kld=0.0 if s.record.name == "m" else 0.03) for s in sources
        )

    def caches(source, settings):
        calls.append(settings[-1].cache_type_k)
        if cannot:
            return tuple(
                QualityRecord(source.record.name, not_judged="no library") for _ in settings
            )
        klds = {"f16": 0.0, "q8_0": 0.001, "q4_0": 0.1}
        return tuple(QualityRecord(source.record.name, kld=klds[s.cache_type_k]) for s in settings)

    return Divergence(ready, models, caches)


def test_the_reference_needs_no_judge():
    ready, calls = prepared(knobs=(*KNOBS, CACHE)), []
    assert judge(ready, calls).values(ready.space.default()) == {"kld": 0.0}
    assert calls == []


def test_a_cache_is_judged_once_whatever_else_is_turned():
    ready, calls = prepared(knobs=(*KNOBS, CACHE)), []
    judged = judge(ready, calls)
    for n_threads in (1, 2, 4):
        setting = ready.space.setting({"cache_type": "q8_0", "n_threads": n_threads})
        assert judged.values(setting) == {"kld": 0.001}
    assert calls == ["q8_0"]
    assert len(judged.records) == 1


def test_bits_and_cache_add_up():
    ready, calls = prepared(knobs=(*KNOBS, CACHE)), []
    small = replace(MODEL, name="small")
    models = {**ready.models, "small": replace(ready.models["m"], record=small)}
    shapes = {"m": SHAPE, "small": replace(SHAPE, record=small)}
    knobs = (*ready.space.knobs, Knob("model", ("m", "small"), "m", Scope.MODEL))
    ready = replace(
        ready,
        models=models,
        bench=replace(ready.bench, shapes=shapes),
        space=replace(ready.space, knobs=knobs),
    )
    setting = ready.space.setting({"model": "small", "cache_type": "q4_0"})
    assert judge(ready, calls).values(setting)["kld"] == pytest.approx(0.13)


def test_what_could_not_be_judged_is_not_called_good():
    ready = prepared(knobs=(*KNOBS, CACHE))
    setting = ready.space.setting({"cache_type": "q8_0"})
    assert judge(ready, [], cannot=True).values(setting) == {}
