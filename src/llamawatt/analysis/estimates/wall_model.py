"""Power at the wall as a line over the power of the metered domains, and what it makes of joules.

P_wall = rest + slope · P_domains, fitted to the mean powers of a few levels of load. Both sides
have errors, so each level is weighted by 1 / (s_wall² + slope² · s_domains²), with s standard
errors and the slope of the round before (effective variance; Orear, Am. J. Phys. 50, 912, 1982).
A half-width is the larger of what the levels' own uncertainties say (1.96 standard errors) and
what their scatter about the line says (Student's t on n - 2 degrees of freedom): the losses of a
power supply are not quite linear.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from llamawatt.analysis.estimates.stats import Floats
from llamawatt.core.errors import MeterError
from llamawatt.core.machine import WallModel
from llamawatt.core.normal import Z_95

N_LEVELS_MIN = 3
SLOPE_MIN, SLOPE_MAX = 0.5, 3.0
"""Supplies lose 5 % to 40 %, and fans and regulators follow the load: beyond these it is no fit."""
RISE_SHARE_MIN = 0.02
"""A load must add this share of the lowest power, and three times its uncertainty."""
RISE_UNCERTAINTIES_MIN = 3.0
SIGMA_FLOOR_W = 0.03
"""The uniform error of a plug that shows tenths of a watt: 0.1 / √12. Nothing is known better."""
N_ROUNDS = 20

_WATTS_REMEDY = "Let the machine rest, plug nothing else into the plug, and calibrate again."
_MODEL_REMEDY = "Give the watts of your CPU with --cpu-idle-w and --cpu-max-w, or get a sensor."


@dataclass(frozen=True, slots=True)
class LevelPower:
    """Mean powers at one level of load.

    Attributes:
        n_busy_cores: Cores that were kept busy.
        domains_w: Sum over the domains.
        wall_w: At the plug.
        domains_uncertainty_w: 95 % half-width of `domains_w`, random part.
        wall_uncertainty_w: 95 % half-width of `wall_w`, random part.
    """

    n_busy_cores: int
    domains_w: float
    wall_w: float
    domains_uncertainty_w: float
    wall_uncertainty_w: float


@dataclass(frozen=True, slots=True)
class Boundary:
    """What was summed and against what it was held.

    Attributes:
        domains: Names of the domains summed.
        modelled: Which of them are themselves modelled.
        gain_error: Relative systematic error of the plug, 95 % bound.
    """

    domains: tuple[str, ...]
    modelled: tuple[str, ...] = ()
    gain_error: float = 0.0


def fit_wall(levels: Sequence[LevelPower], boundary: Boundary, made_at: str) -> WallModel:
    """Fit the line.

    The gain error of the domains needs no place in it: the slope takes it up.

    Args:
        levels: Mean powers, one for each level of load.
        boundary: What was summed.
        made_at: When the levels were measured, UTC, ISO 8601.

    Raises:
        MeterError: fewer than three levels; the load does not stand out; or no machine is like
            the line.
    """
    if len(levels) < N_LEVELS_MIN:
        raise MeterError(
            f"A wall model needs {N_LEVELS_MIN} levels of load; there are {len(levels)}.",
            "Run it where at least two cores may be used.",
        )
    domains_w = np.array([level.domains_w for level in levels])
    wall_w = np.array([level.wall_w for level in levels])
    domains_u_w = np.array([level.domains_uncertainty_w for level in levels])
    wall_u_w = np.array([level.wall_uncertainty_w for level in levels])
    _require_rise("metered domains", domains_w, domains_u_w)
    _require_rise("wall plug", wall_w, wall_u_w)
    (rest_w, slope), covariance = _line(domains_w, wall_w, domains_u_w / Z_95, wall_u_w / Z_95)
    n_free = len(levels) - 2
    residual_w = math.sqrt(float(np.square(wall_w - rest_w - slope * domains_w).sum()) / n_free)
    half_widths = np.sqrt(np.diag(covariance))
    model = WallModel(
        rest_w=rest_w,
        slope=slope,
        rest_uncertainty_w=float(half_widths[0]),
        slope_uncertainty=float(half_widths[1]),
        residual_w=residual_w,
        n_levels=len(levels),
        domains=boundary.domains,
        made_at=made_at,
        correlation=float(covariance[0, 1] / half_widths.prod()),
        range_w=(float(domains_w.min()), float(domains_w.max())),
        gain_error=boundary.gain_error,
        modelled=boundary.modelled,
    )
    _require_sense(model)
    return model


def wall_equivalent_j(model: WallModel, energy_j: float, duration_s: float) -> tuple[float, float]:
    """Return what the wall would have shown for an energy of the domains: a model, no measurement.

    Args:
        model: The fitted line.
        energy_j: Gross joules of the domains that the model was fitted to.
        duration_s: Over how long.

    Returns:
        Joules at the wall, and their 95 % half-width: of the line at this power, and of one more
        level about the line. The plug's gain error, `model.gain_error` of the joules, is not in it.
    """
    rest_u_j = model.rest_uncertainty_w * duration_s
    slope_u_j = model.slope_uncertainty * energy_j
    about_j = _student(model.n_levels - 2) * model.residual_w * duration_s
    line_j2 = rest_u_j**2 + slope_u_j**2 + 2 * model.correlation * rest_u_j * slope_u_j
    wall_j = model.rest_w * duration_s + model.slope * energy_j
    return wall_j, math.sqrt(max(0.0, line_j2) + about_j**2)


def is_extrapolated(model: WallModel, power_w: float) -> bool:
    """Whether a power of the domains lies beyond the levels by over a tenth of their range."""
    low_w, high_w = model.range_w
    margin_w = (high_w - low_w) / 10
    return not low_w - margin_w <= power_w <= high_w + margin_w


def _line(
    x_w: Floats, y_w: Floats, x_sigma_w: Floats, y_sigma_w: Floats
) -> tuple[tuple[float, float], Floats]:
    """Return rest and slope, and the covariance of their 95 % half-widths."""
    design = np.column_stack([np.ones_like(x_w), x_w])
    own_w2 = np.maximum(y_sigma_w, SIGMA_FLOOR_W) ** 2
    slope = 1.0
    for _ in range(N_ROUNDS):
        sigma_w = np.sqrt(own_w2 + (slope * x_sigma_w) ** 2)
        scaled = design / sigma_w[:, None]
        (rest_w, slope), *_ = np.linalg.lstsq(scaled, y_w / sigma_w, rcond=None)
    chi2 = float(np.square((y_w - rest_w - slope * x_w) / sigma_w).sum())
    n_free = len(x_w) - 2
    reach = max(Z_95, _student(n_free) * math.sqrt(chi2 / n_free))
    covariance = (reach**2 * np.linalg.inv(scaled.T @ scaled)).astype(np.float64)
    return (float(rest_w), float(slope)), covariance


def _require_rise(what: str, power_w: Floats, uncertainty_w: Floats) -> None:
    if not (np.isfinite(power_w).all() and np.isfinite(uncertainty_w).all()):
        raise MeterError(f"The {what} gave no finite power at some level.", _WATTS_REMEDY)
    low, high = int(power_w.argmin()), int(power_w.argmax())
    rise_w = float(power_w[high] - power_w[low])
    doubt_w = math.hypot(float(uncertainty_w[low]), float(uncertainty_w[high]))
    floor_w = max(RISE_UNCERTAINTIES_MIN * doubt_w, RISE_SHARE_MIN * abs(float(power_w[low])))
    if rise_w <= max(floor_w, SIGMA_FLOOR_W):
        raise MeterError(
            f"The load does not stand out: the {what} rose by {rise_w:.3g} W from "
            f"{power_w[low]:.4g} W, where {max(floor_w, SIGMA_FLOOR_W):.3g} W would tell.",
            f"{_WATTS_REMEDY} Longer levels help: --seconds 60.",
        )


def _require_sense(model: WallModel) -> None:
    remedy = _MODEL_REMEDY if model.modelled else _WATTS_REMEDY
    if not SLOPE_MIN <= model.slope <= SLOPE_MAX:
        raise MeterError(
            f"The wall rose by {model.slope:.3g} W for each watt in the domains; "
            f"{SLOPE_MIN:g} to {SLOPE_MAX:g} can be.",
            f"The plug may feed another machine. {remedy}",
        )
    if model.rest_w + model.rest_uncertainty_w < 0:
        raise MeterError(
            f"The fit leaves {model.rest_w:.3g} W for all that no domain sees, less than nothing.",
            f"The plug may feed only a part of the machine. {remedy}",
        )


def _student(n_free: int) -> float:
    return float(stdtrit(n_free, 0.975))
