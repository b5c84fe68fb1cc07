"""Raw samples of a domain: what a meter gives, a trace file keeps and a figure draws."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class RawTrace:
    """Samples of one domain, in the order they were taken.

    Attributes:
        t_s: Monotonic times, shape (n,).
        energy_j: Cumulative joules, shape (n,); None for a power sensor.
        power_w: Momentary watts, shape (n,); None for a counter.
    """

    t_s: NDArray[np.float64]
    energy_j: NDArray[np.float64] | None = None
    power_w: NDArray[np.float64] | None = None
