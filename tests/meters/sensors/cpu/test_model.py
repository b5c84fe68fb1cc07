import math

import pytest

from llamawatt.core.errors import UsageError
from llamawatt.host.cpu.sharing import Sharing
from llamawatt.host.cpu.topology import Topology
from llamawatt.meters.sensors.cpu.fitted import FittedCpu, fitted_path, save_fitted
from llamawatt.meters.sensors.cpu.model import Processor, choose_model
from tests.host.cpu.fakeroots import FakeMachine

XEON = Processor("Intel(R) Xeon(R) CPU E3-1240 V2 @ 3.40GHz", Topology.even(4, 2))
EPYC = Processor("AMD EPYC 8024P 8-Core Processor", Topology.even(8, 2))
FIT = FittedCpu(XEON.name, 8, "RAPL counters", "2026-01-02T03:04:05Z", 5.5, 44.0, 1.2, 1.3, 0.6, 4)


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("LLAMAWATT_CONFIG", str(tmp_path / "config"))


def shared(sharing):
    return choose_model(Processor(XEON.name, XEON.topology, sharing))


def test_a_known_processor_goes_by_its_rated_power():
    model = choose_model(EPYC)
    assert model.estimate.name == "rated-power"
    assert "epyc 8024p" in model.note
    assert 0.4 * 90 < model.full_w < 90
    assert model.bound_source == "validated on other processors"


@pytest.mark.parametrize(
    ("processor", "n_busy", "true_w"),
    [
        (EPYC, 4, 43.5), (EPYC, 8, 49.3), (EPYC, 16, 46.7),
        (XEON, 1, 21.1), (XEON, 2, 29.4), (XEON, 4, 42.8), (XEON, 8, 49.6),
    ],
)  # fmt: skip
def test_published_power_of_busy_threads_lies_inside_the_bound(processor, n_busy, true_w):
    model = choose_model(processor)
    modelled_w = model.power_w(dict.fromkeys(range(n_busy), 1.0))
    assert abs(math.log(true_w / modelled_w)) < math.log(model.estimate.factor(modelled_w))


def test_idle_and_load_have_bounds_of_their_own():
    estimate = choose_model(EPYC).estimate
    assert estimate.factor(estimate.idle_w) == pytest.approx(estimate.idle_factor)
    assert estimate.span_factor < estimate.factor(2 * estimate.idle_w) < estimate.idle_factor
    assert estimate.factor(0.0) == estimate.span_factor


@pytest.mark.parametrize("sharing", [Sharing("KVM"), Sharing("WSL"), Sharing(quota_cores=2.0)])
def test_a_shared_processor_is_bounded_wider_and_says_so(sharing):
    here, alone = shared(sharing), choose_model(XEON)
    assert here.estimate.span_factor > alone.estimate.span_factor
    assert here.estimate.idle_factor > alone.estimate.idle_factor
    assert here.remarks
    assert here.bound_source == "stated"


def test_a_virtual_machine_gets_its_part_of_a_large_processor():
    small = Processor("AMD EPYC 7763 64-Core Processor", Topology.even(2, 2), Sharing("KVM"))
    assert choose_model(small).full_w < 0.1 * 280


def test_a_virtual_machine_is_never_more_than_the_processor():
    assert shared(Sharing("KVM")).full_w <= choose_model(XEON).full_w


def test_two_packages_are_two_times_one():
    cores = Topology.even(16, 2).cores
    twice = choose_model(Processor(EPYC.name, Topology(cores, n_packages=2)))
    assert twice.full_w == pytest.approx(2 * choose_model(EPYC).full_w)
    assert "2 packages" in twice.note


def test_an_unknown_name_and_two_hundred_threads_give_some_watts_with_a_wide_bound():
    model = choose_model(Processor("Mystery 9000", Topology.even(100, 2)))
    assert 0 < model.estimate.idle_w < model.full_w < 1500
    assert model.estimate.span_factor > 2
    assert model.power_w(dict.fromkeys(range(200), 1.0)) == pytest.approx(model.full_w)


def test_given_watts_replace_the_rated_ones_and_narrow_the_bound():
    model = choose_model(XEON, 7.0, 50.0)
    assert (model.estimate.idle_w, model.full_w) == (7.0, 50.0)
    assert model.estimate.name == "given"
    assert model.estimate.span_factor < choose_model(XEON).estimate.span_factor
    assert choose_model(XEON, None, 20.0).estimate.idle_w < choose_model(XEON).estimate.idle_w


@pytest.mark.parametrize(
    ("idle_w", "max_w"),
    [(-1.0, 10.0), (20.0, 10.0), (math.nan, 10.0), (1.0, math.inf), (500, None)],
)
def test_impossible_watts_are_refused(idle_w, max_w):
    with pytest.raises(UsageError, match="W"):
        choose_model(XEON, idle_w, max_w)


def test_a_fit_of_this_machine_replaces_the_table_and_given_watts_replace_both():
    save_fitted(FIT)
    model = choose_model(XEON)
    assert (model.estimate.name, model.estimate.idle_w, model.full_w) == ("calibrated", 5.5, 49.5)
    assert model.curve.saturation_exponent == 0.6
    assert "2026-01-02" in model.note
    assert model.estimate.advice == ""
    assert choose_model(XEON, 7.0, 50.0).estimate.name == "given"


def test_a_fit_of_another_processor_is_not_taken():
    save_fitted(FIT)
    assert choose_model(EPYC).estimate.name == "rated-power"
    fewer = Processor(XEON.name, Topology.even(4))
    assert choose_model(fewer).estimate.name == "rated-power"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"cpu": 1}', "\x00", '{"idle_w": NaN}'],
)  # fmt: skip
def test_a_broken_fit_is_said_with_the_remedy_and_stops_nothing(text):
    path = fitted_path(XEON.name, 8)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    model = choose_model(XEON)
    assert model.estimate.name == "rated-power"
    assert "calibrate" in model.note
    assert str(path) in model.note


def test_what_would_halve_the_error_is_said():
    assert "calibrate" in choose_model(XEON).estimate.advice
    assert "host" in shared(Sharing("KVM")).estimate.advice


def test_a_machine_is_looked_at_through_the_roots_given(tmp_path):
    machine = FakeMachine(tmp_path)
    machine.cpuinfo("AMD EPYC 8024P 8-Core Processor", flags="hypervisor")
    for number in range(4):
        machine.cpu(number, f"{number}")
    found = Processor.here(machine.sysfs, machine.proc)
    assert found.name.startswith("AMD EPYC")
    assert found.topology.n_threads == 4
    assert found.sharing.hypervisor
