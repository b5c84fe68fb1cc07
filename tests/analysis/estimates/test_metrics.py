import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.analysis.estimates.metrics import domain_energy, trial_metrics
from llamawatt.core.flags import Flag
from llamawatt.core.readings import Domain, DomainKind, EnergyReading, Method, Quantity
from llamawatt.core.trials import DomainEnergy, IdlePower, RequestRecord, Window
from tests.runs import records

WINDOW = Window(t0_s=100.0, t1_s=110.0, duration_s=10.0)
positive = st.floats(1e-3, 1e4)


def request(n_generated=11, latency_s=2.0, ttft_s=0.5, prefill_s=0.4, decode_s=1.5):
    return RequestRecord("p", 20, n_generated, latency_s, ttft_s, prefill_s, decode_s, 100.0)


def joules(energy_j=100.0, method=Method.COUNTER, in_total=True, above_idle_j=60.0):
    return DomainEnergy(energy_j, 3.0, 5.0, method, energy_j / 10, above_idle_j, 4.0, "x", in_total)


def domain(method=Method.COUNTER):
    return Domain("gpu-0", DomainKind.GPU, Quantity.ENERGY, method, "nvml-counter")


def metrics(requests, energy, window=WINDOW, boundary=(), idle=None):
    made = dataclasses.replace(
        records.trial(), requests=tuple(requests), energy=energy, window=window, idle=idle or {}
    )
    return trial_metrics(made, boundary)


def test_a_trial_worked_by_hand():
    energy = {
        "gpu-0": joules(100.0),
        "cpu-package-0": joules(60.0, Method.MODEL, above_idle_j=20.0),
        "platform": joules(400.0, in_total=False),
    }
    assert metrics([request(), request(latency_s=4.0, ttft_s=1.0)], energy) == pytest.approx(
        {
            "latency_s": 3.0,
            "ttft_s": 0.75,
            "tpot_s": (0.15 + 0.3) / 2,
            "energy_j": 80.0,
            "above_idle_j": 40.0,
            "j_per_token": 160 / 22,
            "above_idle_j_per_token": 80 / 22,
            "edp_js": 240.0,
            "ed2p_js2": 720.0,
            "power_w": 16.0,
            "tok_per_s": 2.2,
            "prefill_tok_per_s": 40 / 0.8,
            "decode_tok_per_s": 20 / 3.0,
            "tok_per_wh": 22 / (160 / 3600),
            "uncertainty_j": math.hypot(3, 3) / 2,
            "systematic_j": 5.0,
            "measured_j": 50.0,
            "modelled_j": 30.0,
            "n_replies": 2,
            "n_prompt": 40,
            "n_generated": 22,
        }
    )


def test_without_a_domain_there_is_no_joule_and_no_zero():
    for energy in ({}, {"platform": joules(in_total=False)}):
        m = metrics([request()], energy)
        energies = [key for key in m if "_j" in key or key == "power_w"]
        assert len(energies) == 10
        assert all(m[key] is None for key in energies)
        assert m["tok_per_s"] == 1.1


def test_a_sum_needs_every_domain_of_the_boundary():
    energy = {"gpu-0": joules(100.0), "dram-0": joules(7.0)}
    assert metrics([request()], energy, boundary=("gpu-0", "cpu-package-0"))["energy_j"] is None
    assert metrics([request()], energy, boundary=("gpu-0",))["energy_j"] == 100.0
    assert metrics([request()], energy)["energy_j"] == 107.0


def test_one_unknown_part_makes_the_sum_unknown():
    energy = {"gpu-0": joules(), "cpu-package-0": joules(above_idle_j=None)}
    assert metrics([request()], energy)["above_idle_j"] is None
    m = metrics([request(), request(ttft_s=None, prefill_s=None)], energy)
    assert m["ttft_s"] is None
    assert m["tpot_s"] is None
    assert m["prefill_tok_per_s"] is None
    assert m["decode_tok_per_s"] is not None


def test_prefill_only_replies_have_no_tpot_and_no_joules_per_token():
    m = metrics([request(n_generated=0)], {"gpu-0": joules()})
    assert m["tpot_s"] is None
    assert m["j_per_token"] is None
    assert m["energy_j"] == 100.0


@pytest.mark.parametrize("kind", [Method.COUNTER, Method.MODEL])
def test_above_idle_is_worked_out_from_the_idle_that_was_recorded(kind):
    idle = {"model": {"gpu-0": IdlePower(5.0, 0.1, 2.0, kind)}}
    found = metrics([request()], {"gpu-0": joules()}, idle=idle)["above_idle_j"]
    same_kind = kind is Method.COUNTER
    assert found == (100.0 - 5.0 * 10.0 if same_kind else 60.0)


@pytest.mark.parametrize(("requests", "duration_s"), [([], 1.0), ([request()], 0.0)])
def test_nothing_to_measure_is_refused(requests, duration_s):
    with pytest.raises(ValueError, match="no "):
        metrics(requests, {}, Window(0.0, duration_s, duration_s))


@given(parts=st.lists(st.tuples(positive, st.sampled_from(Method)), min_size=1, max_size=4))
def test_measured_and_modelled_always_make_the_whole(parts):
    energy = {f"d{i}": joules(e, method) for i, (e, method) in enumerate(parts)}
    m = metrics([request(), request()], energy)
    assert m["measured_j"] + m["modelled_j"] == pytest.approx(m["energy_j"])
    assert m["edp_js"] == pytest.approx(m["energy_j"] * m["latency_s"])


@given(power_w=positive, idle_w=positive, duration_s=st.floats(0.1, 1e3))
def test_above_idle_is_a_difference_and_never_clipped(power_w, idle_w, duration_s):
    reading = EnergyReading("gpu-0", Method.COUNTER, power_w * duration_s, 1.0, 0.0, 0, duration_s)
    idle = IdlePower(idle_w, 0.5, 2.0, Method.COUNTER)
    made = domain_energy(reading, domain(), idle)
    assert made.mean_power_w == pytest.approx(power_w)
    assert made.above_idle_j == pytest.approx((power_w - idle_w) * duration_s, abs=1e-6)
    assert made.above_idle_uncertainty_j == pytest.approx(math.hypot(1.0, 0.5 * duration_s))


def test_measured_energy_less_modelled_idle_is_no_quantity():
    reading = EnergyReading("gpu-0", Method.COUNTER, 50.0, 1.0, 0.0, 0.0, 2.0)
    made = domain_energy(reading, domain(), IdlePower(5.0, 0.1, 2.0, Method.MODEL))
    assert made.above_idle_j is None
    assert made.above_idle_uncertainty_j is None


def test_what_is_modelled_says_so_once():
    reading = EnergyReading("cpu", Method.MODEL, 50.0, 1.0, 25.0, 0.0, 2.0, (Flag.MODELLED,))
    assert domain_energy(reading, domain(Method.MODEL), None).flags == (Flag.MODELLED,)
    bare = dataclasses.replace(reading, flags=())
    assert domain_energy(bare, domain(Method.MODEL), None).flags == (Flag.MODELLED,)


def test_a_window_without_length_is_refused():
    reading = EnergyReading("gpu-0", Method.COUNTER, 50.0, 1.0, 0.0, 2.0, 2.0)
    with pytest.raises(ValueError, match="no length"):
        domain_energy(reading, domain(), None)
