"""How a power sensor answers a step of the load: its delay and the time it averages."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from llamawatt.core.clock import Clock
from llamawatt.core.readings import Calibration, Sample, Unavailable
from llamawatt.meters.energy.ticks import Floats

HOLD_S = 3.0
"""Three times the longest known averaging time (NVML, 1 s)."""

INTERVAL_S = 0.01
MIN_SIGMAS = 5.0


@dataclass(frozen=True, slots=True)
class StepResponse:
    """A power sensor's answer to a step.

    Attributes:
        low_w: Power before the step.
        high_w: Power after it.
        delay_s: Time from the step to the middle of the answer, less half of what is averaged and
            half of the update period: how late the sensor is beyond its averaging.
        averaging_s: Length of the moving average that answers with the same spread in time.
        rise_s: Time from 10 % to 90 % of the answer.
    """

    low_w: float
    high_w: float
    delay_s: float
    averaging_s: float
    rise_s: float


def step_response(
    read: Callable[[], Sample | Unavailable],
    load: Callable[[bool], None],
    clock: Clock,
    update_period_s: float | None = None,
    hold_s: float = HOLD_S,
) -> StepResponse | Unavailable:
    """Put a load on, watch the sensor answer, and take the load off again.

    Args:
        read: Reads the power sensor once.
        load: Puts a steady load on (True) or off (False), within a few milliseconds.
        clock: The clock.
        update_period_s: Time between updates of the sensor, if known.
        hold_s: How long to watch on each side of the step.
    """
    load(False)
    clock.sleep_s(hold_s)
    before = _watch(read, clock, hold_s)
    load(True)
    began_s = clock.now_s()
    try:
        after = _watch(read, clock, hold_s)
    finally:
        load(False)
    if len(before[0]) < 4 or len(after[0]) < 4:
        return Unavailable("The power sensor gave too few readings about the step.")
    return analyse_step(after[0] - began_s, after[1], before[1], update_period_s or 0.0)


def analyse_step(
    since_s: Floats, power_w: Floats, before_w: Floats, update_period_s: float
) -> StepResponse | Unavailable:
    """Describe readings after a step.

    The normalised answer r(t) of a moving average of length A that is told with delay d has a
    slope that is uniform over [d, d + A]; its mean is the integral of 1 - r, its variance A²/12.
    Holding each value for an update period P adds P/2 to the mean and P²/12 to the variance.

    Args:
        since_s: Times after the step, rising, shape (n,).
        power_w: Readings, shape (n,).
        before_w: Readings before the step, shape (m,).
        update_period_s: P; 0 if it is not known.
    """
    low_w = float(np.mean(before_w))
    high_w = float(np.mean(power_w[since_s > since_s[-1] * 2 / 3]))
    noise_w = float(np.std(before_w)) + 1e-9
    if abs(high_w - low_w) < MIN_SIGMAS * noise_w:
        return Unavailable(
            f"The step from {low_w:.3g} to {high_w:.3g} W does not stand out from the noise.",
            "Use a heavier load, or a quieter machine.",
        )
    answer = (power_w - low_w) / (high_w - low_w)
    answer[since_s > since_s[-1] * 2 / 3] = 1.0
    t_s = np.concatenate([[0.0], since_s])
    rest = np.concatenate([[1.0], 1.0 - answer])
    mean_s = _integral(t_s, rest)
    variance_s2 = 2 * _integral(t_s, t_s * rest) - mean_s**2
    averaging_s = math.sqrt(max(0.0, 12 * variance_s2 - update_period_s**2))
    reached = np.maximum.accumulate(answer)
    rise_s = float(np.interp(0.9, reached, since_s) - np.interp(0.1, reached, since_s))
    delay_s = max(0.0, mean_s - averaging_s / 2 - update_period_s / 2)
    return StepResponse(low_w, high_w, delay_s, averaging_s, rise_s)


def with_step(calibration: Calibration, response: StepResponse) -> Calibration:
    """Return a calibration that knows the measured averaging time."""
    return replace(calibration, averaging_s=response.averaging_s)


def _integral(t_s: Floats, value: Floats) -> float:
    return float(np.sum(np.diff(t_s) * (value[1:] + value[:-1]) / 2))


def _watch(
    read: Callable[[], Sample | Unavailable], clock: Clock, hold_s: float
) -> tuple[Floats, Floats]:
    until_s = clock.now_s() + hold_s
    t_s, power_w = [], []
    while (now_s := clock.now_s()) < until_s:
        found = read()
        if isinstance(found, Sample) and found.power_w is not None:
            t_s.append(found.t_s)
            power_w.append(found.power_w)
        clock.sleep_s(now_s + INTERVAL_S - clock.now_s())
    return np.array(t_s), np.array(power_w)
