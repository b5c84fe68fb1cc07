"""Waits until nothing moves: power that falls after a server ended, a neighbour that is busy."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llamawatt.core.trials import IdlePower
from llamawatt.host.other_load import NOTABLE_SHARE, Company
from llamawatt.measure.instruments import Rig

LOOK_S = 1.0
"""Length of one look at the power. A GPU's power falls over seconds after its process ended."""
LOOK_PERIODS = 5
"""And at least so many update periods of the slowest sensor."""
FLAT_SHARE = 0.005
"""Change from one look to the next that counts as none. Of an exponential fall with a constant of
3 s, less than 1.3 % is then left, and a third of it after the idle window itself."""
NOISY_SHARE = 0.1
"""Largest change that noise may explain, where power went up and down instead of one way."""


@dataclass(frozen=True, slots=True)
class Calm:
    """How a wait for flat power ended.

    Attributes:
        is_flat: Whether power settled.
        is_quiet: Whether no other process was busy in the last look.
        waited_s: How long it took.
        looks_w: Mean power of each look, summed over what the boundary holds.
    """

    is_flat: bool
    is_quiet: bool
    waited_s: float
    looks_w: tuple[float, ...]

    @property
    def is_calm(self) -> bool:
        """Whether idle power may be measured now."""
        return self.is_flat and self.is_quiet

    def complaint(self) -> str:
        """Say what kept it from settling, and what to do."""
        if not self.is_quiet:
            why, remedy = "another process was busy", "End what else runs"
        else:
            why = f"it went from {self.looks_w[-2]:.1f} to {self.looks_w[-1]:.1f} W at the end"
            remedy = "End what else runs, or lengthen the cool-down"
        return (
            f"Idle power had not settled after {self.waited_s:.0f} s: {why}. No bare idle is "
            f"recorded for this start. {remedy}, or allow a longer wait with settle_max_s."
        )


def wait_until_calm(rig: Rig, company: Company, longest_s: float) -> Calm:
    """Look at the power until it is flat and nobody else is busy, or the time is up.

    Where the sensors are too slow to tell, nothing is waited for beyond one look.
    """
    began_s = rig.clock.now_s()
    look_s = max(LOOK_S, LOOK_PERIODS * rig.instrument.slowest_period_s)
    looks: list[tuple[float, float]] = []
    while True:
        company.start(os.getpid())
        look = _summed(rig, rig.instrument.idle(look_s))
        quiet = not is_busy(company)
        if look is not None:
            looks.append(look)
        found = Calm(
            look is None or is_flat(looks),
            quiet,
            rig.clock.now_s() - began_s,
            tuple(power_w for power_w, _ in looks),
        )
        out_of_time = found.waited_s + look_s > longest_s and len(looks) != 1
        if found.is_calm or out_of_time:
            return found


def is_busy(company: Company) -> bool:
    """Tell whether other processes were busy since the company was started, as far as is known."""
    share = company.other_share()
    return share is not None and share > NOTABLE_SHARE


def is_flat(looks: Sequence[tuple[float, float]]) -> bool:
    """Tell whether power no longer moves, from looks at it: mean and 95 % half-width, in watts.

    Two looks that agree within half a percent are flat. A larger change counts as noise only when
    the one before went the other way, since power that decays goes one way alone; its half-width
    cannot tell, for the decay widens it.
    """
    if len(looks) < 2:
        return False
    (before_w, before_half_w), (last_w, last_half_w) = looks[-2:]
    change_w = last_w - before_w
    if abs(change_w) <= FLAT_SHARE * abs(last_w):
        return True
    if len(looks) < 3 or change_w * (before_w - looks[-3][0]) >= 0:
        return False
    noise_w = min(math.hypot(before_half_w, last_half_w), NOISY_SHARE * abs(last_w))
    return abs(change_w) <= noise_w


def _summed(rig: Rig, idle: Mapping[str, IdlePower]) -> tuple[float, float] | None:
    """Add up the domains of the total; None where one of them could not be read."""
    names = [domain.name for domain in rig.instrument.domains if domain.in_total]
    if not names or any(name not in idle for name in names):
        return None
    return (
        math.fsum(idle[name].power_w for name in names),
        math.hypot(*(idle[name].uncertainty_w for name in names)),
    )
