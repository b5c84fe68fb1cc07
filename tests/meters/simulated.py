"""One simulated run: idle, work, idle, seen through a simulated sensor."""

from dataclasses import replace

from llamawatt.core.clock import FakeClock
from llamawatt.core.readings import Calibration, Unavailable
from llamawatt.meters.sampling.calibrate import calibrate
from llamawatt.meters.sampling.sampler import Sampler
from llamawatt.testing.fake_meter import FakeMeter
from llamawatt.testing.fake_sensor import PROFILES, FakeSensor
from llamawatt.testing.load_shape import LoadShape

T0_S, T1_S, END_S = 8.0, 14.0, 22.0
IDLE_W, WORK_W = 60.0, 250.0
SHAPE = LoadShape.through(
    [0.0, T0_S, T0_S + 0.002, T1_S, T1_S + 0.002, 60.0],
    [IDLE_W, IDLE_W, WORK_W, WORK_W, IDLE_W, IDLE_W],
)
TRUTH_J = SHAPE.energy_j(T1_S) - SHAPE.energy_j(T0_S)
FAULTS = {
    "stuck_s": None,
    "backwards_s": None,
    "lost_s": None,
    "dropped_share": 0.0,
}


def calibration_of(sensor: FakeSensor) -> Calibration:
    """Calibrate a sound sensor of this kind, over a load that is never quite steady."""
    clock = FakeClock()
    wavy = LoadShape.through(
        [0.05 * i for i in range(200)], [60.0 + (i * 7) % 5 for i in range(200)]
    )
    meter = FakeMeter(clock, wavy, {"gpu-0": replace(sensor, **FAULTS)}, seed=5)
    found = calibrate(meter, "gpu-0", clock, 3.0)
    assert not isinstance(found, Unavailable), found
    if found.averaging_s is None and sensor.averaging_s:
        found = replace(found, averaging_s=sensor.averaging_s)
    return found


def watched(profile: str | FakeSensor, seed: int = 1, shape: LoadShape = SHAPE):
    """Run the protocol over a sensor; return the trace and the two idle powers."""
    sensor = PROFILES[profile] if isinstance(profile, str) else profile
    calibration = calibration_of(sensor)
    clock = FakeClock()
    meter = FakeMeter(clock, shape, {"gpu-0": sensor}, seed)
    sampler = Sampler([meter], {"gpu-0": calibration}, clock, threaded=False)
    sampler.mark_edge()
    idle0_s = clock.now_s()
    sampler.run_until(T0_S - 0.5 - (calibration.averaging_s or 0.0))
    sampler.mark_edge()
    idle1_s = clock.now_s()
    sampler.run_until(T1_S)
    sampler.mark_edge()
    after_s = clock.now_s()
    sampler.run_until(END_S)
    sampler.mark_edge()
    trace = sampler.trace("gpu-0")
    return trace, trace.idle_power(idle0_s, idle1_s), trace.idle_power(after_s, END_S)
