"""What one answer cost, as it is told, kept and corrected once all its slices are known."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from llamawatt.core.readings import Domain, Method
from llamawatt.core.units import J_PER_WH


@dataclass(frozen=True, slots=True)
class AnswerEnergy:
    """Energy of one answer.

    Attributes:
        energy_j: Joules: what the work caused, and the answer's part of the idle meanwhile.
        above_idle_j: Joules that the work caused; None while idle power is not known.
        uncertainty_j: 95 % half-width, the split among answers included.
        duration_s: From the request's dispatch to the end of the answer.
        window_j: What the whole machine took in that time.
        method: `counter`, `integral`, `model`, or several joined by `+`.
        is_modelled: Whether any part is modelled and not measured.
        shared_with: Most other requests in flight at once.
        settled: Whether every part is measured; else the last moments are still an estimate.
        reason: Why there is no figure; empty where there is one.
    """

    energy_j: float
    above_idle_j: float | None
    uncertainty_j: float
    duration_s: float
    window_j: float
    method: str
    is_modelled: bool
    shared_with: int
    settled: bool
    reason: str = ""

    @property
    def attribution_ratio(self) -> float:
        """Part of the machine's energy in that time that fell to this answer, 0..1."""
        return min(1.0, max(0.0, self.energy_j / self.window_j)) if self.window_j > 0 else 1.0

    def as_json(self) -> dict[str, object]:
        """Return it in the form that clients read, with our own fields beside."""
        if self.reason:
            return {"status": "unavailable", "reason": self.reason}
        power_w = self.energy_j / self.duration_s if self.duration_s > 0 else 0.0
        return {
            "energy_joules": _short(self.energy_j),
            "energy_kwh": _short(self.energy_j / (1000 * J_PER_WH)),
            "avg_power_watts": _short(power_w),
            "duration_seconds": _short(self.duration_s),
            "attribution_method": "work",
            "attribution_ratio": _short(self.attribution_ratio),
            "above_idle_joules": None if self.above_idle_j is None else _short(self.above_idle_j),
            "uncertainty_joules": _short(self.uncertainty_j),
            "method": self.method,
            "measured": not self.is_modelled,
            "modelled": self.is_modelled,
            "shared_with": self.shared_with,
            "status": "settled" if self.settled else "provisional",
        }


def unavailable(reason: str, duration_s: float = 0.0) -> AnswerEnergy:
    """Return the figure of an answer whose energy could not be had."""
    return AnswerEnergy(0.0, None, 0.0, duration_s, 0.0, "", False, 0, True, reason)


def methods(domains: Iterable[Domain]) -> tuple[str, bool]:
    """Return how the energy of some domains is got, and whether any of it is modelled."""
    found = sorted({domain.method.value for domain in domains})
    return "+".join(found), Method.MODEL.value in found


def _short(value: float) -> float:
    """Return a value to seven significant digits: more is noise in every answer."""
    return float(f"{value:.7g}") if math.isfinite(value) else 0.0
