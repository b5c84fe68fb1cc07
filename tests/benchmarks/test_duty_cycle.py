"""A flickering load tells a part-time sensor from a full-time one."""

import numpy as np
import pytest
from duty_cycle import busy_share, fit_window


def flicker(rng: np.random.Generator, end_s: float = 30.0) -> np.ndarray:
    spans, t_s = [], 0.0
    while t_s < end_s:
        start_s = t_s + rng.uniform(0.02, 0.15)
        t_s = start_s + rng.uniform(0.02, 0.15)
        spans.append((start_s, t_s))
    return np.array(spans)


@pytest.mark.parametrize("averaging_s", [0.025, 0.1, 0.2])
@pytest.mark.parametrize("delay_s", [0.0, 0.05])
def test_length_and_lateness_are_found(averaging_s: float, delay_s: float) -> None:
    rng = np.random.default_rng(5)
    busy_s = flicker(rng)
    update_s = np.arange(1.0, 29.0, 0.1)
    share = busy_share(update_s - delay_s, averaging_s, busy_s)
    power_w = 70 + 200 * share + rng.normal(0, 2, len(update_s))
    fit = fit_window(update_s, power_w, busy_s)
    assert fit is not None
    assert fit.averaging_s == pytest.approx(averaging_s, abs=0.011)
    assert fit.delay_s == pytest.approx(delay_s, abs=0.011)
    assert fit.explained > 0.95
    assert fit.high_w - fit.low_w == pytest.approx(200, rel=0.1)


def test_a_second_of_averaging_is_recognised() -> None:
    rng = np.random.default_rng(6)
    spans = np.cumsum(rng.uniform(0.3, 1.5, (40, 2)), axis=None).reshape(-1, 2)
    update_s = np.arange(3.0, spans[-1, 1] - 1, 0.1)
    power_w = 70 + 200 * busy_share(update_s, 1.0, spans)
    fit = fit_window(update_s, power_w, spans)
    assert fit is not None
    assert fit.averaging_s == 1.0


def test_too_little_is_not_fitted() -> None:
    busy_s = np.array([[0.0, 1.0], [2.0, 3.0]])
    assert fit_window(np.arange(5.0), np.arange(5.0), busy_s) is None
    assert fit_window(np.arange(50.0), np.full(50, 7.0), busy_s) is None
