"""Differences of paired windows, told by trimmed means: one window in five may be wild.

The trimmed mean with its winsorised variance and Student's t is Yuen's test (Biometrika 61, 1974,
pages 165-170) for one sample. It keeps its level under heavy tails, where a plain mean wanders.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TRIM = 0.2
"""Share cut off at either end; the customary value of Yuen's test."""


@dataclass(frozen=True, slots=True)
class Centre:
    """A trimmed mean.

    Attributes:
        mean: The trimmed mean.
        error: Its standard error; None below two values.
        n_dof: Degrees of freedom of the error.
        n: Values it is made of, before trimming.
    """

    mean: float
    error: float | None
    n_dof: int
    n: int

    def half_width(self, level: float) -> float:
        """Return the half-width of a two-sided interval; infinite where nothing is known.

        Args:
            level: Its coverage, as 0.95.
        """
        from scipy.special import stdtrit  # noqa: PLC0415  # loads slowly; only a search needs it

        if self.error is None or self.n_dof < 1:
            return math.inf
        return float(stdtrit(self.n_dof, 0.5 + level / 2)) * self.error


def centre(values: Sequence[float] | NDArray[np.float64]) -> Centre:
    """Return the trimmed mean of some differences, and what is known of its error.

    Args:
        values: Differences, shape (n,), n >= 1.

    Raises:
        ValueError: there are no values.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    n = len(ordered)
    if not n:
        raise ValueError("a centre needs a value")
    cut = int(TRIM * n)
    kept = ordered[cut : n - cut]
    if len(kept) < 2:
        return Centre(float(np.median(ordered)), None, 0, n)
    clipped = np.clip(ordered, kept[0], kept[-1])
    scatter = float(np.sum((clipped - clipped.mean()) ** 2))
    error = math.sqrt(scatter / (len(kept) * (len(kept) - 1)))
    return Centre(float(kept.mean()), error, len(kept) - 1, n)
