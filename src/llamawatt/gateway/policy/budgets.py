"""What a key may spend in a day, in joules or money."""

from dataclasses import dataclass

from llamawatt.core.units import J_PER_WH

WH_PER_KWH = 1000.0


@dataclass(frozen=True, slots=True)
class Budget:
    """A day's limits; None for no limit.

    Attributes:
        energy_j: Joules.
        money: Money, in the currency of the price.
        price_per_kwh: Price of a kilowatt-hour; None where it is not known.
    """

    energy_j: float | None = None
    money: float | None = None
    price_per_kwh: float | None = None

    def refusal(self, spent_j: float) -> str:
        """Return why a key that spent so much today may spend no more; empty where it may."""
        if self.energy_j is not None and spent_j >= self.energy_j:
            return f"The key's budget of {self.energy_j:.6g} J for today is spent."
        if self.money is None or self.price_per_kwh is None:
            return ""
        spent = spent_j / (WH_PER_KWH * J_PER_WH) * self.price_per_kwh
        if spent >= self.money:
            return f"The key's budget of {self.money:.6g} for today is spent."
        return ""
