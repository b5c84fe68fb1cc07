"""Replies that beat with a part-time sensor widen the interval; others leave it alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.readings import Calibration
from llamawatt.meters.energy.beat import unseen_of_replies
from llamawatt.meters.energy.power import PowerPoints, points_of

WINDOW_S = (1.0, 11.0)
MEAN_W = 200.0


def watched(reply_s: float, averaging_s: float = 0.025, phase: float = 0.3) -> PowerPoints:
    """Watch replies whose first third draws more than the rest, by a sensor of 0.1 s."""
    update_s = np.arange(0.0, 12.0, 0.1)
    moments_s = update_s[:, None] - averaging_s * np.linspace(0, 1, 21)
    place = ((moments_s - WINDOW_S[0]) / reply_s + phase) % 1.0
    power_w = np.where(place < 1 / 3, 1.3, 0.85).mean(axis=1) * MEAN_W
    calibration = Calibration(
        domain="gpu-0", update_period_s=0.1, period_jitter_s=1e-4, averaging_s=averaging_s,
        resolution_j=None, read_wall_s=0.001, read_cpu_s=0.001, n_reads=1000,
    )  # fmt: skip
    return points_of(update_s + 0.001, power_w, calibration)


def doubt_share(points: PowerPoints, reply_s: float, phase: float = 0.3) -> float:
    starts_s = np.arange(WINDOW_S[0] - phase * reply_s, WINDOW_S[1], reply_s)
    spread = unseen_of_replies(points, *WINDOW_S, starts_s.tolist())
    return spread.half_width_j / (MEAN_W * (WINDOW_S[1] - WINDOW_S[0]))


@pytest.mark.parametrize("reply_s", [0.1, 0.2, 0.05, 0.1002])
@pytest.mark.parametrize("phase", [0.0, 0.2, 0.45, 0.7, 0.9])
def test_what_a_locked_sensor_cannot_see_is_doubted(reply_s: float, phase: float) -> None:
    points = watched(reply_s, phase=phase)
    inside = (points.t_s > WINDOW_S[0]) & (points.t_s < WINDOW_S[1])
    error = abs(float(points.power_w[inside].mean()) / MEAN_W - 1)
    assert error <= doubt_share(points, reply_s, phase) + 0.01


def test_replies_in_step_with_the_sensor_are_doubted_and_others_hardly() -> None:
    assert doubt_share(watched(0.1), 0.1) > 0.2
    assert doubt_share(watched(0.137), 0.137) < 0.05


@pytest.mark.parametrize(("reply_s", "averaging_s"), [(0.1, 0.1), (2.0, 0.025), (0.02, 0.025)])
def test_a_sensor_that_sees_all_or_long_replies_widen_nothing(
    reply_s: float, averaging_s: float
) -> None:
    assert doubt_share(watched(reply_s, averaging_s), reply_s) == 0.0


def test_without_replies_nothing_is_known_to_beat() -> None:
    points = watched(0.1)
    assert unseen_of_replies(points, *WINDOW_S, []).variance_j2 == 0.0
    assert unseen_of_replies(points, *WINDOW_S, [2.0]).variance_j2 == 0.0


@given(
    st.lists(st.floats(0.0, 12.0), max_size=30),
    st.floats(0.0, 5.0),
    st.floats(5.1, 12.0),
)
def test_the_doubt_is_finite_whatever_the_starts(
    starts_s: list[float], t0_s: float, t1_s: float
) -> None:
    spread = unseen_of_replies(watched(0.1), t0_s, t1_s, starts_s)
    assert np.isfinite(spread.variance_j2)
    assert spread.variance_j2 >= 0.0
