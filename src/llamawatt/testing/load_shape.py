"""A load whose power over time, and so its energy, is known exactly."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a load: a line, or an exponential approach.

    Attributes:
        duration_s: How long it lasts.
        start_w: Power at its start.
        end_w: Power at its end; for an exponential, the power it tends to.
        tau_s: Time constant of an exponential; None for a line.
    """

    duration_s: float
    start_w: float
    end_w: float
    tau_s: float | None = None

    def energy_j(self, since_s: float) -> float:
        """Return the energy of the first `since_s` seconds."""
        if self.tau_s is None:
            slope_w = (self.end_w - self.start_w) / self.duration_s
            return self.start_w * since_s + slope_w * since_s**2 / 2
        approached = -math.expm1(-since_s / self.tau_s)
        return self.end_w * since_s + (self.start_w - self.end_w) * self.tau_s * approached

    def power_w(self, since_s: float) -> float:
        """Return the power `since_s` seconds after the start."""
        if self.tau_s is None:
            return self.start_w + (self.end_w - self.start_w) * since_s / self.duration_s
        return self.end_w + (self.start_w - self.end_w) * math.exp(-since_s / self.tau_s)


class LoadShape:
    """Power over time in pieces. Before the first and after the last, power stays as it is there.

    Args:
        pieces: The pieces, in order.
        start_s: When the first begins.
    """

    def __init__(self, pieces: Sequence[Piece], start_s: float = 0.0) -> None:
        self._pieces = tuple(pieces)
        last = self._pieces[-1]
        self._before_w = self._pieces[0].start_w
        self._after_w = last.power_w(last.duration_s)
        self._t_s = list(accumulate((p.duration_s for p in pieces), initial=start_s))
        self._energy_j = list(accumulate((p.energy_j(p.duration_s) for p in pieces), initial=0.0))

    @classmethod
    def through(cls, t_s: Sequence[float], power_w: Sequence[float]) -> "LoadShape":
        """Return straight lines through points of power; times must rise."""
        pieces = [
            Piece(t_s[i + 1] - t_s[i], power_w[i], power_w[i + 1]) for i in range(len(t_s) - 1)
        ]
        return cls(pieces, t_s[0])

    @property
    def end_s(self) -> float:
        """When the last piece ends."""
        return self._t_s[-1]

    def energy_j(self, t_s: float) -> float:
        """Return the energy since the start of the first piece; negative before it."""
        index = bisect_right(self._t_s, t_s) - 1
        if index < 0:
            return self._before_w * (t_s - self._t_s[0])
        since_s = t_s - self._t_s[index]
        if index == len(self._pieces):
            return self._energy_j[-1] + self._after_w * since_s
        return self._energy_j[index] + self._pieces[index].energy_j(since_s)

    def power_w(self, t_s: float) -> float:
        """Return the power at one moment."""
        index = bisect_right(self._t_s, t_s) - 1
        if index < 0:
            return self._before_w
        if index == len(self._pieces):
            return self._after_w
        return self._pieces[index].power_w(t_s - self._t_s[index])
