"""When to unload a target that nobody asks: the ski rental problem.

Being resident is renting, waking up is buying. Who rents until the rent equals the price, and buys
then, never pays more than twice what one pays who knows the future (Karlin, Manasse, Rudolph and
Sleator 1988). That silence is the wake-up energy over the power of being resident, both measured.
"""

from dataclasses import dataclass

from llamawatt.gateway.costs import TargetCosts

MIN_SILENCE_S = 1.0
"""A target is not unloaded sooner: its meter could not tell the difference."""


@dataclass(frozen=True, slots=True)
class UnloadRule:
    """When a target unloads.

    Attributes:
        costs: What it costs.
        silence_s: Silence that the user fixed; the break-even one when None.
        always_resident: Whether it never unloads.
    """

    costs: TargetCosts
    silence_s: float | None = None
    always_resident: bool = False

    def after_s(self) -> float:
        """Return the silence after which it unloads; infinite for never."""
        if self.always_resident:
            return float("inf")
        wanted_s = self.costs.break_even_s if self.silence_s is None else self.silence_s
        return max(MIN_SILENCE_S, wanted_s)

    def is_due(self, silent_s: float) -> bool:
        """Tell whether a target that was silent for so long unloads now."""
        return silent_s >= self.after_s()


def silence_cost_j(costs: TargetCosts, silent_s: float, unload_after_s: float) -> float:
    """Return what one silence costs: being resident, and waking up if it was unloaded."""
    if silent_s <= unload_after_s:
        return costs.resident_w * silent_s
    return costs.resident_w * unload_after_s + costs.wake_j


def clairvoyant_cost_j(costs: TargetCosts, silent_s: float) -> float:
    """Return what the same silence costs who knows how long it lasts."""
    return min(costs.resident_w * silent_s, costs.wake_j)
