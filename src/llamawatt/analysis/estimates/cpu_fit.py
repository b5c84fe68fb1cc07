"""Fits a processor's idle watts and span to measured power at several levels of load.

    power = rest + span · g        (least squares, both not negative)

g goes from 0 (idle) to 1 (all cores busy) along a curve whose exponent is chosen among a few, where
there are levels enough. The span's bound has a part that no residual shows: other work on as busy a
core draws other power.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

N_LEVELS_MIN = 3
N_FOR_EXPONENT = 5
"""Levels from which on the curve's exponent is fitted too."""
OTHER_WORK_FACTOR = 1.3
"""Between programs on one processor, equally busy: 1.1 to 1.3 on either side of their mean where
power is not at its limit. Stated."""
IDLE_FACTOR = 1.2
LEAST_RISE = 0.02
"""A smaller rise of power, relative to that without load, is not believed."""


@dataclass(frozen=True, slots=True)
class CpuFit:
    """A fitted line over the curve.

    Attributes:
        rest_w: Watts without load.
        span_w: Watts that full load adds.
        saturation_exponent: The curve's exponent.
        residual: Standard deviation of the logarithms about the line.
        n_levels: Levels that it was fitted to.
    """

    rest_w: float
    span_w: float
    saturation_exponent: float
    residual: float
    n_levels: int

    @property
    def span_factor(self) -> float:
        """Bound of the span, as a factor either way."""
        return math.exp(math.hypot(math.log(OTHER_WORK_FACTOR), 2 * self.residual))

    @property
    def idle_factor(self) -> float:
        """Bound of the watts without load, as a factor either way."""
        return math.exp(math.hypot(math.log(IDLE_FACTOR), 2 * self.residual))


def fit_cpu(
    power_w: Sequence[float], span_shares: Mapping[float, Sequence[float]], usual_exponent: float
) -> CpuFit | None:
    """Fit the line to levels; None where power does not rise with load, or levels are too few.

    Args:
        power_w: Measured power of each level, shape (n,).
        span_shares: g of each level, by the exponent of the curve, shape (n,) each.
        usual_exponent: The exponent that is kept where levels are few; one of the keys.
    """
    n_levels = len(power_w)
    if n_levels < N_LEVELS_MIN or min(power_w) <= 0:
        return None
    exponents = list(span_shares) if n_levels >= N_FOR_EXPONENT else [usual_exponent]
    fits = [_line(power_w, span_shares[exponent], exponent) for exponent in exponents]
    best = min(fits, key=lambda fit: fit.residual)
    unseen_w = best.rest_w * max(LEAST_RISE, 2 * best.residual)
    return best if best.span_w > unseen_w else None


def _line(power_w: Sequence[float], share: Sequence[float], exponent: float) -> CpuFit:
    power, g = np.asarray(power_w), np.asarray(share)
    # Relative residuals: each level counts alike, from idle to full load.
    (rest_w, span_w), _ = nnls(np.column_stack([1 / power, g / power]), np.ones(len(power)))
    modelled = np.maximum(rest_w + span_w * g, 1e-9)
    free = max(1, len(power) - 2)
    residual = math.sqrt(float(np.sum(np.log(power / modelled) ** 2)) / free)
    return CpuFit(float(rest_w), float(span_w), exponent, residual, len(power))
