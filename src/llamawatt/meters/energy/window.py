"""What an energy over a window is made of, before it becomes a reading."""

import math
from dataclasses import dataclass

import numpy as np

from llamawatt.core.flags import Flag
from llamawatt.meters.energy.error_sums import Spread

SETTLE_S = 0.005
"""Longest time constant with which a load's power is taken to fall behind the last byte of work.

Voltage regulators discharge, queues drain and clients wake in a few milliseconds."""

MAX_MISSING_SHARE = 0.2
"""Above this share of the window without data, there is no figure."""


@dataclass(frozen=True, slots=True)
class WindowEnergy:
    """Energy of one window.

    Attributes:
        energy_j: Joules.
        spread: Its random error.
        flags: Doubts about it.
    """

    energy_j: float
    spread: Spread
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True)
class Tail:
    """What a falling load leaves in the stretch added behind a window.

    Attributes:
        energy_j: Expected joules, to be taken off.
        spread: Its error.
    """

    energy_j: float
    spread: Spread


def tail(fall_w: float, added_s: float) -> Tail:
    """Return what the load's fall leaves in the first `added_s` seconds behind the last byte.

    A fall by `fall_w` with time constant c leaves fall_w·c·(1 - exp(-added_s / c)). All constants
    up to `SETTLE_S` are taken to be equally likely; the mean and deviation are over them.
    """
    share_s = _CONSTANTS_S * -np.expm1(-max(0.0, added_s) / _CONSTANTS_S)
    half_j = abs(fall_w) * math.sqrt(3) * float(np.std(share_s))
    return Tail(fall_w * float(np.mean(share_s)), Spread.uniform(half_j))


_CONSTANTS_S = SETTLE_S * (np.arange(32) + 0.5) / 32
