"""A machine that is only a table: settings with known figures, noise and drift on top.

A study's whole grid becomes such a table, so that ways to search are compared without hardware
and against a truth that is known.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from llamawatt.tune.search.measured import Measured, Stage
from llamawatt.tune.search.space import Setting


class Noise(StrEnum):
    """How windows scatter."""

    GAUSSIAN = "gaussian"
    HEAVY = "heavy-tailed"


@dataclass(frozen=True, slots=True)
class Weather:
    """What a simulated machine suffers.

    Attributes:
        noise: Shape of the scatter.
        scatter: Standard deviation of one window's logarithm.
        ramp: Thermal drift: by how much (as a logarithm) a warm machine is worse than a cold one.
        ramp_s: Time constant of that warming, seconds.
        wander: Standard deviation of a slow random walk, per square root of a minute.
    """

    noise: Noise = Noise.GAUSSIAN
    scatter: float = 0.03
    ramp: float = 0.0
    ramp_s: float = 300.0
    wander: float = 0.0


class SimulatedMachine:
    """Answers as a machine would; a `Measure`."""

    def __init__(
        self,
        table: Mapping[Setting, Mapping[str, float]],
        weather: Weather,
        seed: int,
        *,
        window_s: float = 3.0,
    ) -> None:
        """Set up the machine.

        Args:
            table: Setting → metric → true value; a setting that is not in it does not run.
            weather: Noise and drift.
            seed: Of the noise.
            window_s: What one window takes, the server's start included.
        """
        self._table, self._weather, self._window_s = table, weather, window_s
        self._rng = np.random.default_rng(seed)
        self._time_s = 0.0
        self._walk = 0.0

    def __call__(self, setting: Setting, stage: Stage, number: int) -> Measured:
        """Take one window."""
        self._time_s += self._window_s
        self._walk += float(self._rng.normal(0, self._weather.wander)) * math.sqrt(
            self._window_s / 60
        )
        true = self._table.get(setting)
        if true is None:
            return Measured(
                setting, stage, number, failure="it does not run", took_s=self._window_s
            )
        worse = math.exp(self._drift() + self._scatter())
        values = {
            name: value / worse if name == "tok_per_s" else value * worse
            for name, value in true.items()
        }
        return Measured(setting, stage, number, values, took_s=self._window_s)

    def _drift(self) -> float:
        warm = 1 - math.exp(-self._time_s / self._weather.ramp_s)
        return self._weather.ramp * warm + self._walk

    def _scatter(self) -> float:
        if self._weather.noise is Noise.GAUSSIAN:
            return float(self._rng.normal(0, self._weather.scatter))
        # Student's t with three degrees of freedom has the variance 3.
        return float(self._rng.standard_t(3)) * self._weather.scatter / math.sqrt(3)
