"""How right the joule is: simulated sensors over loads whose energy is known.

Each trial makes a load (idle, prefill spike, decode plateau with noise and pauses, idle), lets
the sampler watch it through each simulated sensor by its own schedule, and compares the energy told
with the truth. Beside it stand the naive methods on the same trials: the difference of two reads
for a counter, the rectangle rule over polled power for a power sensor.

    python benchmarks/accuracy.py

A second table has replies so short that they may beat with a sensor that sees only part of the
time: near a half, once and twice its period, and anywhere between. There an interval may be too
wide but not too narrow.

Exit code 1 when a bound is missed.
"""

import argparse
import math
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from step_response import StepResponse, step_response, with_step

from llamawatt.core.clock import FakeClock
from llamawatt.core.flags import Flag
from llamawatt.core.readings import Calibration, EnergyReading, Quantity, Sample, Unavailable
from llamawatt.meters.energy.trace import FEW_PERIODS, Trace
from llamawatt.meters.sampling.calibrate import calibrate
from llamawatt.meters.sampling.sampler import Sampler
from llamawatt.testing.fake_meter import FakeMeter
from llamawatt.testing.fake_sensor import PROFILES, FakeSensor
from llamawatt.testing.load_shape import LoadShape

SENSORS = (
    "counter-100ms",
    "counter-20ms",
    "counter-10ms-unsteady",
    "counter-1ms",
    "millijoule",
    "wrap",
    "dropped",
    "slow",
    "part-time",
    "average-100ms",
    "average-1s",
)
DOMAIN = "gpu-0"
IDLE_S = 5.0
TRAILING_S = 5.0
WINDOW_S = (0.2, 30.0)
MAX_MEDIAN_ERROR = 0.01
COVERAGE = (0.93, 0.97)
LONG_PERIODS = 50
N_CALIBRATIONS = 8
GRID_S = 0.005
BEATING = {
    "0.05 s": (0.045, 0.055),
    "0.10 s": (0.095, 0.105),
    "0.20 s": (0.19, 0.21),
    "0.3 to 0.8 s": (0.3, 0.8),
    "0.05 to 0.8 s": (0.05, 0.8),
}
"""Lengths of replies about the period of the part-time sensor, 0.1 s."""
BEATING_SENSOR = "part-time"
BEATING_WINDOW_S = 2.0
"""Shortest window of such replies."""


@dataclass(frozen=True, slots=True)
class Load:
    """A load and its window."""

    shape: LoadShape
    t0_s: float
    t1_s: float
    starts_s: tuple[float, ...] = ()

    @property
    def truth_j(self) -> float:
        """True energy of the window."""
        return self.shape.energy_j(self.t1_s) - self.shape.energy_j(self.t0_s)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One sensor's answer to one load."""

    sensor: str
    duration_s: float
    period_s: float
    truth_j: float
    energy_j: float
    uncertainty_j: float
    naive_j: float
    below: bool
    available: bool


def make_load(
    rng: np.random.Generator, reply_s: float | None = None, shortest_s: float = WINDOW_S[0]
) -> Load:
    """Make a load of random size, length and phase, with replies of a given or a random length."""
    duration_s = math.exp(rng.uniform(math.log(shortest_s), math.log(WINDOW_S[1])))
    t0_s = IDLE_S + rng.uniform(0.8, 1.2)
    t1_s = t0_s + duration_s
    end_s = t1_s + TRAILING_S + 1.0
    t_s = np.unique(np.concatenate([np.arange(0.0, end_s, GRID_S), _kinks(t0_s, t1_s)]))
    idle_w = math.exp(rng.uniform(math.log(8), math.log(120)))
    decode_w = idle_w * rng.uniform(1.5, 4.0)
    power_w = np.full_like(t_s, idle_w)
    power_w[t_s > t1_s] = idle_w * rng.uniform(1.0, 1.06)
    working = (t_s > t0_s) & (t_s <= t1_s)
    request_s = min(duration_s, rng.uniform(0.8, 4.0)) if reply_s is None else reply_s
    power_w[working] = _work_w(rng, t_s[working] - t0_s, decode_w, request_s)
    power_w = _follow(t_s, power_w, t1_s, rng)
    noise = np.where(working, rng.uniform(0.01, 0.04), rng.uniform(0.003, 0.02))
    power_w = np.maximum(0.5, power_w * (1 + noise * _wander(rng, t_s)))
    starts_s = tuple(np.arange(t0_s, t1_s, request_s).tolist())
    return Load(LoadShape.through(t_s.tolist(), power_w.tolist()), t0_s, t1_s, starts_s)


def _kinks(t0_s: float, t1_s: float) -> np.ndarray:
    """Return fine points about both edges."""
    return np.concatenate([edge_s + np.linspace(-0.003, 0.02, 47) for edge_s in (t0_s, t1_s)])


def _work_w(
    rng: np.random.Generator, since_s: np.ndarray, decode_w: float, request_s: float
) -> np.ndarray:
    """Return the power of requests back to back, with short pauses between."""
    prefill_s = min(rng.uniform(0.03, 0.4), request_s / 3)
    pause_s = rng.uniform(0.0, 0.02)
    within_s = since_s % request_s
    power_w = np.full_like(since_s, decode_w) * (1 + 0.05 * within_s / request_s)
    power_w[within_s < prefill_s] = decode_w * rng.uniform(1.1, 1.6)
    pausing = (within_s < pause_s) & (since_s >= request_s)
    power_w[pausing] = decode_w * rng.uniform(0.5, 0.9)
    return power_w


def _follow(
    t_s: np.ndarray, power_w: np.ndarray, t1_s: float, rng: np.random.Generator
) -> np.ndarray:
    """Let the board follow the load: it rises over milliseconds and falls over milliseconds."""
    rise_s, fall_s = rng.uniform(0.001, 0.01), rng.uniform(0.00001, 0.005)
    followed_w = power_w.copy()
    tau_s = np.where(t_s[1:] > t1_s, fall_s, rise_s)
    keep = np.exp(-np.diff(t_s) / tau_s)
    for index, kept in enumerate(keep.tolist(), start=1):
        if kept > 1e-9:
            step_w = followed_w[index - 1] - power_w[index]
            if step_w:
                followed_w[index] = power_w[index] + step_w * kept
    return followed_w


def _wander(rng: np.random.Generator, t_s: np.ndarray) -> np.ndarray:
    """Return a noise of unit variance whose memory fades over 10 to 100 ms."""
    tau_s = math.exp(rng.uniform(math.log(0.01), math.log(0.1)))
    kept = np.exp(-np.diff(t_s) / tau_s)
    kicks = rng.standard_normal(len(t_s))
    kicks[1:] *= np.sqrt(1 - kept**2)
    value, values = 0.0, []
    for kick, keep in zip(kicks.tolist(), [0.0, *kept.tolist()], strict=True):
        value = value * keep + kick
        values.append(value)
    return np.array(values)


def calibrations(seed: int, sensors: Sequence[str]) -> dict[str, list[Calibration]]:
    """Calibrate every sensor a few times, idle, as a run does at its start."""
    return {
        name: [_calibration(name, seed + number) for number in range(N_CALIBRATIONS)]
        for name in sensors
    }


def _calibration(name: str, seed: int) -> Calibration:
    rng = np.random.default_rng(seed)
    clock = FakeClock()
    meter = FakeMeter(clock, make_load(rng).shape, name, seed)
    found = calibrate(meter, DOMAIN, clock, 3.0)
    if isinstance(found, Unavailable):
        raise SystemExit(f"{name}: {found.reason}")
    if PROFILES[name].quantity is Quantity.POWER and found.averaging_s is None:
        found = with_step(found, _step(PROFILES[name], seed, found))
    return found


def _step(sensor: FakeSensor, seed: int, found: Calibration) -> StepResponse:
    """Measure the averaging time with a step of the load."""
    clock = FakeClock()
    switches: list[float] = []
    shape = LoadShape.through([0.0, 6.0, 6.001, 20.0], [60.0, 60.0, 200.0, 200.0])
    meter = FakeMeter(clock, shape, {DOMAIN: sensor}, seed)
    load = lambda on: switches.append(clock.now_s()) if on else None  # noqa: E731
    response = step_response(lambda: meter.read(DOMAIN), load, clock, found.update_period_s)
    if isinstance(response, Unavailable):
        raise SystemExit(response.reason)
    return response


def run_trial(
    load: Load, name: str, calibration: Calibration, seed: int
) -> tuple[EnergyReading | Unavailable, float]:
    """Watch one load through one sensor as a run does; return its reading and the naive one."""
    clock = FakeClock()
    meter = FakeMeter(clock, load.shape, name, seed)
    sampler = Sampler([meter], {DOMAIN: calibration}, clock, threaded=False)
    with sampler:
        sampler.mark_edge()
        idle0_s = clock.now_s()
        sampler.run_until(load.t0_s - 0.5 - (calibration.averaging_s or 0.0))
        sampler.mark_edge()
        idle1_s = clock.now_s()
        sampler.run_until(load.t0_s)
        first = meter.read(DOMAIN)
        sampler.run_until(load.t1_s)
        last = meter.read(DOMAIN)
        sampler.mark_edge()
        after0_s = clock.now_s()
        sampler.run_until(load.t1_s + TRAILING_S)
        sampler.mark_edge()
        trace = sampler.trace(DOMAIN)
    idle = trace.idle_power(idle0_s, idle1_s)
    after = trace.idle_power(after0_s, clock.now_s())
    found = trace.energy(
        load.t0_s,
        load.t1_s,
        None if isinstance(idle, Unavailable) else idle,
        None if isinstance(after, Unavailable) else after,
        load.starts_s,
    )
    return found, naive_j(trace, first, last, load)


def naive_j(
    trace: Trace, first: Sample | Unavailable, last: Sample | Unavailable, load: Load
) -> float:
    """Return what the usual tools would say."""
    if trace.domain.quantity is Quantity.ENERGY:
        if isinstance(first, Unavailable) or isinstance(last, Unavailable):
            return math.nan
        step_j = (last.energy_j or 0.0) - (first.energy_j or 0.0)
        wrap_j = trace.domain.wrap_j
        return step_j + wrap_j if step_j < 0 and wrap_j else step_j
    inside = (trace.t_s >= load.t0_s) & (trace.t_s < load.t1_s)
    ends_s = np.append(trace.t_s[inside], load.t1_s)
    return float(np.sum(trace.value[inside] * np.diff(ends_s)))


def beating_load(rng: np.random.Generator, around_s: tuple[float, float]) -> Load:
    """Make a load of replies whose length lies in a range."""
    return make_load(rng, float(rng.uniform(*around_s)), BEATING_WINDOW_S)


def run_block(
    seeds: Sequence[int],
    calibrated: dict[str, list[Calibration]],
    sensors: Sequence[str],
    around_s: tuple[float, float] | None = None,
) -> list[Outcome]:
    """Run all sensors over the loads of some seeds."""
    outcomes = []
    for seed in seeds:
        rng = np.random.default_rng([seed, 1])
        load = make_load(rng) if around_s is None else beating_load(rng, around_s)
        for name in sensors:
            choices = calibrated[name]
            found, naive = run_trial(load, name, choices[seed % len(choices)], seed)
            outcomes.append(_outcome(load, name, found, naive))
    return outcomes


def _outcome(load: Load, name: str, found: EnergyReading | Unavailable, naive: float) -> Outcome:
    sensor = PROFILES[name]
    available = isinstance(found, EnergyReading)
    return Outcome(
        sensor=name,
        duration_s=load.t1_s - load.t0_s,
        period_s=max(sensor.period_s, sensor.averaging_s),
        truth_j=load.truth_j,
        energy_j=found.energy_j if isinstance(found, EnergyReading) else math.nan,
        uncertainty_j=found.uncertainty_j if isinstance(found, EnergyReading) else math.nan,
        naive_j=naive,
        below=isinstance(found, EnergyReading) and Flag.BELOW_RESOLUTION in found.flags,
        available=available,
    )


@dataclass(frozen=True, slots=True)
class Row:
    """What one sensor's trials come to; shares are 0..1, NaN where there is nothing to share."""

    sensor: str
    n_trials: int
    n_unavailable: int
    median_error: float
    naive_median_error: float
    coverage: float
    median_error_all: float
    naive_worst_error: float
    flagged_share: float

    @property
    def misses(self) -> list[str]:
        """Say which bounds are missed."""
        misses = []
        if not self.median_error <= MAX_MEDIAN_ERROR:
            misses.append(f"{self.sensor}: median error {self.median_error:.2%}")
        if not COVERAGE[0] <= self.coverage <= COVERAGE[1]:
            misses.append(f"{self.sensor}: coverage {self.coverage:.1%}")
        if self.flagged_share < 1:
            misses.append(f"{self.sensor}: {self.flagged_share:.0%} of short windows flagged")
        return misses


def summarise(outcomes: Sequence[Outcome], sensor: str) -> Row:
    """Sum up the trials of one sensor."""
    mine = [o for o in outcomes if o.sensor == sensor]
    told = [o for o in mine if o.available]
    error = np.array([abs(o.energy_j / o.truth_j - 1) for o in told])
    naive = np.array([abs(o.naive_j / o.truth_j - 1) for o in told])
    long = np.array([o.duration_s >= LONG_PERIODS * PROFILES[sensor].period_s for o in told])
    covered = [abs(o.energy_j - o.truth_j) <= o.uncertainty_j for o in told]
    short = [o.below for o in told if o.duration_s < 0.95 * FEW_PERIODS * o.period_s]
    return Row(
        sensor=sensor,
        n_trials=len(mine),
        n_unavailable=len(mine) - len(told),
        median_error=float(np.median(error[long])),
        naive_median_error=float(np.nanmedian(naive[long])),
        coverage=float(np.mean(covered)),
        median_error_all=float(np.median(error)),
        naive_worst_error=float(np.nanquantile(naive, 0.95)),
        flagged_share=float(np.mean(short)) if short else math.nan,
    )


def run(
    n_trials: int,
    seed: int,
    sensors: Sequence[str],
    n_workers: int,
    around_s: tuple[float, float] | None = None,
) -> list[Outcome]:
    """Run all trials, over several processes."""
    calibrated = calibrations(seed, sensors)
    seeds = [seed * 1_000_003 + number for number in range(n_trials)]
    blocks = [seeds[start : start + 25] for start in range(0, n_trials, 25)]
    if n_workers == 1:
        return [o for block in blocks for o in run_block(block, calibrated, sensors, around_s)]
    with ProcessPoolExecutor(n_workers) as pool:
        jobs = [pool.submit(run_block, block, calibrated, sensors, around_s) for block in blocks]
        return [outcome for job in jobs for outcome in job.result()]


def print_table(rows: Sequence[Row]) -> None:
    print(
        f"{'sensor':<22}{'trials':>7}{'median |error|':>16}{'95 % covers':>13}{'short flagged':>15}"
        f"{'naive median':>14}{'naive 95th pct':>16}"
    )
    for row in rows:
        flagged = "no such" if math.isnan(row.flagged_share) else f"{row.flagged_share:.0%}"
        print(
            f"{row.sensor:<22}{row.n_trials:>7}{row.median_error:>16.3%}{row.coverage:>13.1%}"
            f"{flagged:>15}{row.naive_median_error:>14.2%}{row.naive_worst_error:>16.1%}"
        )


@dataclass(frozen=True, slots=True)
class BeatRow:
    """What replies of one length come to."""

    replies: str
    n_trials: int
    coverage: float
    median_error: float
    median_half_width: float

    @property
    def misses(self) -> list[str]:
        """Say whether intervals are too narrow."""
        if self.coverage >= COVERAGE[0]:
            return []
        return [f"replies of {self.replies}: coverage {self.coverage:.1%}"]


def beats(n_trials: int, seed: int, n_workers: int) -> list[BeatRow]:
    """Run the part-time sensor over replies that may beat with it."""
    rows = []
    for name, around_s in BEATING.items():
        found = run(n_trials, seed, [BEATING_SENSOR], n_workers, around_s)
        told = [o for o in found if o.available]
        error = [abs(o.energy_j / o.truth_j - 1) for o in told]
        covered = [abs(o.energy_j - o.truth_j) <= o.uncertainty_j for o in told]
        width = [o.uncertainty_j / o.truth_j for o in told]
        median_error, median_width = float(np.median(error)), float(np.median(width))
        rows.append(BeatRow(name, len(told), float(np.mean(covered)), median_error, median_width))
    return rows


def print_beats(rows: Sequence[BeatRow]) -> None:
    print(
        f"{'replies of':<22}{'trials':>7}{'median |error|':>16}{'95 % covers':>13}{'median ±':>15}"
    )
    for row in rows:
        print(
            f"{row.replies:<22}{row.n_trials:>7}{row.median_error:>16.3%}{row.coverage:>13.1%}"
            f"{row.median_half_width:>15.2%}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000, help="loads; each sensor sees all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sensor", action="append", choices=SENSORS, help="only these sensors")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    sensors = options.sensor or SENSORS
    began_s = time.monotonic()
    outcomes = run(options.trials, options.seed, sensors, options.workers)
    rows = [summarise(outcomes, sensor) for sensor in sensors]
    print_table(rows)
    beating = beats(options.trials // 2, options.seed, options.workers)
    print_beats(beating)
    print(f"{len(outcomes)} readings in {time.monotonic() - began_s:.0f} s.")
    misses = [miss for row in (*rows, *beating) for miss in row.misses]
    print("\n".join(f"MISSED {miss}" for miss in misses) or "All bounds held.")
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
