"""The fit is kept, and what a plug's calibration says is told by it."""

from dataclasses import replace

import pytest

from llamawatt.analysis.estimates.wall_model import LevelPower
from llamawatt.app.machine.cpu_calibration import calibrate_cpu, refit_by_wall
from llamawatt.core.errors import MeterError
from llamawatt.meters.sensors.cpu.meter import CpuModelMeter
from llamawatt.meters.sensors.cpu.model import Processor, choose_model, rated_model
from llamawatt.meters.sensors.discover import Discovery
from llamawatt.wall.busy_watch import BusyWatch

REST_W, SLOPE = 30.0, 1.25


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("LLAMAWATT_CONFIG", str(tmp_path))


@pytest.fixture
def calibrated():
    """Levels of a plug behind which the CPU spans twice what its rated power says."""
    model = choose_model(Processor.here())
    watch = BusyWatch(lambda _: None)
    found = []
    for n_busy in range(4):
        watch.seen[n_busy] = [dict.fromkeys(range(model.topology.n_threads), n_busy / 3)]
        modelled_w = model.power_w(watch.seen[n_busy][0])
        load_w = 2 * (modelled_w - model.estimate.idle_w)
        found.append(LevelPower(n_busy, modelled_w, REST_W + SLOPE * load_w, 0.1, 0.1))
    return tuple(found), CpuModelMeter(model).domains(), watch


def test_the_wall_fits_a_modelled_cpu_and_later_runs_use_it(calibrated):
    measured, domains, watch = calibrated
    told = refit_by_wall(measured, domains, watch)
    model = choose_model(Processor.here())
    assert model.estimate.name == "calibrated"
    assert "plug" in model.note
    assert told.domains[0].estimate == model.estimate
    rated = rated_model(Processor.here()).estimate
    assert model.estimate.span_w == pytest.approx(2 * SLOPE * 0.8 * rated.span_w, rel=0.02)
    assert told.measured[-1].domains_w == pytest.approx(model.full_w, rel=0.02)


def test_given_watts_and_measured_domains_are_left_alone(calibrated):
    measured, domains, watch = calibrated
    given = replace(domains[0], estimate=replace(domains[0].estimate, name="given"))
    for kept in ((given,), (replace(domains[0], estimate=None),)):
        told = refit_by_wall(measured, kept, watch)
        assert (told.measured, told.domains, told.calibration) == (measured, kept, None)
    assert choose_model(Processor.here()).estimate.name == "rated-power"


def test_a_load_that_was_not_seen_fits_nothing(calibrated):
    measured, domains, watch = calibrated
    watch.seen[2] = []
    assert refit_by_wall(measured, domains, watch).calibration is None


def test_without_a_reference_it_says_what_would_be_one():
    with pytest.raises(MeterError, match="no energy counter") as caught:
        calibrate_cpu(5.0, lambda _: None, Discovery((), ()))
    assert "LLAMAWATT_CONFIG" in caught.value.remedy
    assert "--wall" in caught.value.remedy
