"""What the batteries hold now: today's capacity, several of them, charge thresholds, Ah or Wh.

Files are those of the kernel's Documentation/ABI/testing/sysfs-class-power.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llamawatt.core.errors import UsageError
from llamawatt.core.units import J_PER_WH, j_from_wh
from llamawatt.host.power_supply import S_PER_H, Supply, find_batteries

SYSFS = Path("/sys")
GAUGE_ERROR = 0.05
"""95 % bound of what a gauge misjudges; stated, since makers publish none."""
VOLTAGE_ERROR = 0.05
"""And of joules from a charge: the voltage falls while it empties."""


@dataclass(frozen=True, slots=True)
class Pack:
    """One battery, or what the user says of one.

    Attributes:
        name: Its name.
        left_j: What it holds now.
        full_j: What it holds when charged as far as it is allowed to be.
        error_share: Relative 95 % bound of both.
        limit_share: Share of its capacity up to which it is charged.
    """

    name: str
    left_j: float
    full_j: float
    error_share: float = GAUGE_ERROR
    limit_share: float = 1.0


@dataclass(frozen=True, slots=True)
class Stock:
    """All batteries together; they are emptied in turn or at once, which is all the same here.

    Attributes:
        packs: The batteries.
    """

    packs: tuple[Pack, ...]

    @property
    def left_j(self) -> float:
        """What they hold now."""
        return math.fsum(pack.left_j for pack in self.packs)

    @property
    def full_j(self) -> float:
        """What they hold when charged."""
        return math.fsum(pack.full_j for pack in self.packs)

    @property
    def error_share(self) -> float:
        """Relative 95 % bound of what they hold: gauges of one maker may err alike."""
        return max((pack.error_share for pack in self.packs), default=0.0)

    @property
    def left_share(self) -> float:
        """What is left, of what they hold when charged."""
        return self.left_j / self.full_j if self.full_j else 0.0


def read_stock(sysfs_root: Path = SYSFS) -> Stock | None:
    """Read all batteries of the machine; None where it has none that says what it holds."""
    found = [pack for each in find_batteries(sysfs_root) if (pack := read_pack(each)) is not None]
    return Stock(tuple(found)) if found else None


def read_pack(supply: Supply) -> Pack | None:
    """Read one battery; None where it does not say what it holds.

    Its capacity is that of today (`energy_full`), not the one it was designed for.
    """
    limit = _number(supply.path / "charge_control_end_threshold")
    share = limit / 100 if limit is not None and 0 < limit <= 100 else 1.0
    now, full = (_number(supply.path / f"energy_{word}") for word in ("now", "full"))
    error = GAUGE_ERROR
    if now is not None:
        left_j, full_j = j_from_wh(now * 1e-6), None if full is None else j_from_wh(full * 1e-6)
    else:
        charge, most = (_number(supply.path / f"charge_{word}") for word in ("now", "full"))
        volts = _number(supply.path / "voltage_min_design") or _number(supply.path / "voltage_now")
        if charge is None or volts is None:
            return None
        scale = 1e-6 * S_PER_H * volts * 1e-6
        left_j, full_j = charge * scale, None if most is None else most * scale
        error = math.hypot(GAUGE_ERROR, VOLTAGE_ERROR)
    whole_j = left_j if full_j is None or full_j < left_j else full_j
    return Pack(supply.path.name, left_j, max(left_j, share * whole_j), error, share)


def said_stock(text_wh: float) -> Stock:
    """Return a battery of so many watt-hours, as the user says.

    Raises:
        UsageError: it is not above zero.
    """
    if not 0 < text_wh < math.inf:
        raise UsageError(f"A battery of {text_wh} Wh holds nothing.", "Write it as --wh 54.")
    return Stock((Pack("as said", text_wh * J_PER_WH, text_wh * J_PER_WH, 0.0),))


def described(packs: Sequence[Pack]) -> str:
    """Say what batteries hold."""
    said = []
    for pack in packs:
        limit = "" if pack.limit_share >= 1 else f", charged to {pack.limit_share:.0%} at most"
        left, full = pack.left_j / J_PER_WH, pack.full_j / J_PER_WH
        said.append(f"{pack.name}: {left:.1f} of {full:.1f} Wh{limit}")
    return "; ".join(said)


def _number(path: Path) -> float | None:
    try:
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return float(text) if text.isdigit() else None
