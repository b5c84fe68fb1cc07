"""Sums of independent random errors, kept by their cumulants until an interval is asked for.

Variances and fourth cumulants of independent errors add. An error of a sensor's tick is uniform,
not normal, so 1.96 standard deviations would claim too much doubt; the coverage factor is
therefore taken from the excess kurtosis of the sum (the kurtosis method of interval estimation).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from llamawatt.core.normal import Z_95


@dataclass(frozen=True, slots=True)
class Spread:
    """Random error of an energy.

    Attributes:
        variance_j2: Variance.
        cumulant_j4: Fourth cumulant (excess kurtosis times variance squared).
    """

    variance_j2: float = 0.0
    cumulant_j4: float = 0.0

    @classmethod
    def uniform(cls, half_j: float) -> "Spread":
        """Return an error that is uniform over plus and minus `half_j`."""
        return cls(half_j**2 / 3.0, -2.0 * half_j**4 / 15.0)

    @classmethod
    def two_point(cls, half_j: float) -> "Spread":
        """Return an error that is either plus or minus `half_j`: an ambiguity, not a noise."""
        return cls(half_j**2, -2.0 * half_j**4)

    def __add__(self, other: "Spread") -> "Spread":
        return Spread(
            self.variance_j2 + other.variance_j2,
            self.cumulant_j4 + other.cumulant_j4,
        )

    @property
    def half_width_j(self) -> float:
        """Half-width of the 95 % interval."""
        if self.variance_j2 <= 0:
            return 0.0
        # Divided twice: the square of a small variance is zero before the variance is.
        excess = min(0.0, max(-2.0, self.cumulant_j4 / self.variance_j2 / self.variance_j2))
        return coverage_factor(excess) * math.sqrt(self.variance_j2)


def total(spreads: Iterable[Spread]) -> Spread:
    """Return the spread of the sum of independent errors."""
    return sum(spreads, Spread())


def coverage_factor(excess_kurtosis: float) -> float:
    """Return how many standard deviations make a 95 % interval.

    The parabola through the exact values for the normal (0: 1.960), the triangular (-0.6: 1.902)
    and the uniform (-1.2: 1.645) distribution; it gives 1.0 for two points (-2), as it should.
    """
    return Z_95 - 0.0691 * excess_kurtosis - 0.2760 * excess_kurtosis**2


def student_factor(n_dof: int) -> float:
    """Return by how much a deviation estimated from few values must be widened.

    The ratio of Student's to the normal 97.5 % quantile, by the asymptotic series (Abramowitz and
    Stegun 26.7.5), which is within 6 % for two degrees of freedom and 1 % from four on.

    Raises:
        ValueError: without a degree of freedom nothing can be said.
    """
    if n_dof < 1:
        raise ValueError("a deviation needs two values or more")
    z = Z_95
    first = (z**3 + z) / (4 * n_dof)
    second = (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n_dof**2)
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n_dof**3)
    return (z + first + second + third) / z


def positive_mean(estimate: float, error: float) -> float:
    """Return the expectation of a quantity that cannot be negative.

    The mean of a normal distribution about `estimate` with deviation `error`, cut off at zero: an
    estimate below its own error still leaves about one error of the quantity possible.
    """
    if error <= 0:
        return max(0.0, estimate)
    z = max(estimate / error, -3.0)
    above = 0.5 * math.erfc(-z / math.sqrt(2))
    return error * (z + math.exp(-z * z / 2) / math.sqrt(2 * math.pi) / above)
