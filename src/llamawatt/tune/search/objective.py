"""What is to be lowered, and what must hold meanwhile."""

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from llamawatt.core.errors import UsageError
from llamawatt.core.suggest import meant


class Objective(StrEnum):
    """What a tuner makes small (or, for `throughput`, large)."""

    ENERGY = "energy"
    LATENCY = "latency"
    EDP = "edp"
    ED2P = "ed2p"
    THROUGHPUT = "throughput"
    BATTERY = "battery"
    COST = "cost"


METRIC: Mapping[Objective, str] = {
    Objective.ENERGY: "j_per_token",
    Objective.LATENCY: "latency_s",
    Objective.EDP: "edp_js",
    Objective.ED2P: "ed2p_js2",
    Objective.THROUGHPUT: "tok_per_s",
    Objective.BATTERY: "j_per_token",
    Objective.COST: "j_per_token",
}
"""Objective → the metric of a trial that it reads. At one price, cost goes with joules."""
LARGER_IS_BETTER = frozenset({Objective.THROUGHPUT})
MEASURES = (
    *("tok_per_s", "latency_s", "ttft_s", "j_per_token", "energy_j", "edp_js", "power_w"),
    *("kld", "memory_gb"),
)
"""What a requirement may speak of."""
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_REQUIREMENT = re.compile(r"\s*([A-Za-z_]\w*)\s*(>=|<=|>|<)\s*(\S+)\s*")


def loss_of(objective: Objective, values: Mapping[str, float]) -> float | None:
    """Return the logarithm of what is to be made small; None where it was not measured.

    Differences of losses are log ratios, so that one percent is one percent at every size.
    """
    value = values.get(METRIC[objective])
    if value is None or not math.isfinite(value) or value <= 0:
        return None
    return -math.log(value) if objective in LARGER_IS_BETTER else math.log(value)


@dataclass(frozen=True, slots=True)
class Requirement:
    """A bound on one measure, as `tok_per_s>=20`.

    Attributes:
        measure: What is bounded, one of `MEASURES`.
        sign: `>=`, `<=`, `>` or `<`.
        bound: The bound, in the measure's own unit.
    """

    measure: str
    sign: str
    bound: float

    def excess(self, value: float) -> float:
        """Return by what share of the bound a value breaks it; zero or less where it holds."""
        over = value - self.bound if self.sign[0] == "<" else self.bound - value
        return over / abs(self.bound) if self.bound else over

    def holds(self, value: float) -> bool:
        """Whether a value keeps the bound."""
        return _COMPARE[self.sign](value, self.bound)

    def __str__(self) -> str:
        return f"{self.measure}{self.sign}{self.bound:g}"


def parse_requirement(text: str) -> Requirement:
    """Read a requirement such as `ttft_s<=1`.

    Raises:
        UsageError: it has another form, an unknown measure, or a bound that is not a number.
    """
    found = _REQUIREMENT.fullmatch(text)
    if found is None:
        raise UsageError(
            f"--require {text!r} cannot be read.", "Write it as 'tok_per_s>=20' or 'ttft_s<=1'."
        )
    measure, sign, bound = found.groups()
    if measure not in MEASURES:
        raise UsageError(
            f"--require speaks of {measure!r}, which is not measured.",
            f"{meant(measure, MEASURES)}Known are {', '.join(MEASURES)}.",
        )
    try:
        value = float(bound)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise UsageError(
            f"--require {text!r} has the bound {bound!r}.", "Give a plain number, zero or more."
        )
    return Requirement(measure, sign, value)
