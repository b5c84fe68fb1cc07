"""Readings of power, sorted by device, into one series each."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np

from llamawatt.core.errors import UsageError
from llamawatt.core.readings import Domain
from llamawatt.imports.left_out import LeftOut
from llamawatt.imports.recorded import ImportedSeries
from llamawatt.imports.table import Row, is_missing, number_of

UNITS_W = {"w": 1.0, "mw": 1e-3, "kw": 1e3, "watt": 1.0, "watts": 1.0, "": 1.0}
MAX_DEVICES = 16
BURST_SHARE = 0.1
"""Readings this much closer together than bursts of them are one look at several devices."""
_POWER = re.compile(r"([-+]?[\d.,]+(?:[eE][-+]?\d+)?)\s*([A-Za-z]*)")
CURE = "Log a column that tells them apart, as nvidia-smi --query-gpu=timestamp,index,power.draw."
COARSE = "If it is one device read more than once a second, log times with a fraction of a second."


@dataclass(frozen=True, slots=True)
class PowerSample:
    """One reading.

    Attributes:
        row: The line it stands in.
        t_s: Seconds since the log began.
        power_w: Watts.
    """

    row: Row
    t_s: float
    power_w: float


def power_w_of(text: str, scale: float = 1.0) -> float | None:
    """Return watts from `40.00 W`, `40`, `250 mW`; None where there is no figure.

    Args:
        text: The text.
        scale: Watts in one unit of the column, where the text names no unit.
    """
    if is_missing(text):
        return None
    match = _POWER.fullmatch(text.strip())
    if match is None or match[2].lower() not in UNITS_W:
        return None
    value = number_of(match[1])
    if value is None:
        return None
    return value * (UNITS_W[match[2].lower()] if match[2] else scale)


def good_power_w(
    row: Row, text: str, scale: float, most_w: float, left_out: LeftOut
) -> float | None:
    """Return a reading that can be, or None after it was counted as left out.

    Args:
        row: The line.
        text: The reading.
        scale: Watts in one unit of the column.
        most_w: More than the device can draw.
        left_out: Where a reading that cannot be is counted.

    Raises:
        UsageError: it is below zero, which no sensor of a consumer of power gives.
    """
    power_w = power_w_of(text, scale)
    if power_w is None:
        left_out.add(row.number, "no power" if is_missing(text) else f"{text[:20]!r} is no power")
        return None
    if power_w < 0:
        raise UsageError(f"{row.where} holds {power_w:g} W; this device gives no power back.")
    if power_w > most_w:
        left_out.add(row.number, f"more than {most_w:g} W cannot be")
        return None
    return power_w


def power_series(
    domain: Domain,
    samples: Sequence[PowerSample],
    *,
    is_told_apart: bool,
    whole_seconds: bool,
    holds: bool = False,
) -> tuple[ImportedSeries, tuple[str, ...]]:
    """Return the series of one device, and what to say of it.

    Args:
        domain: What the device is called.
        samples: Its readings in the order of the file.
        is_told_apart: Whether the log has a column that tells devices apart.
        whole_seconds: Whether the log's times have no fraction of a second.
        holds: Whether a power holds until the next reading.

    Raises:
        UsageError: times run backwards, readings of several devices are mixed, or fewer than two
            times are left.
    """
    _require_forward(samples)
    if not is_told_apart:
        _require_one_device(samples, whole_seconds=whole_seconds)
    t_s, power_w, notes = _one_per_time(samples, whole_seconds=whole_seconds)
    if len(t_s) < 2:
        where = samples[0].row.path if samples else "The file"
        raise UsageError(
            f"{where} has {len(t_s)} samples at different times of {domain.name}; two are needed."
        )
    return ImportedSeries(domain, tuple(t_s), tuple(power_w), holds), notes


def _require_forward(samples: Sequence[PowerSample]) -> None:
    for before, now in pairwise(samples):
        if now.t_s < before.t_s:
            raise UsageError(
                f"{now.row.where} is {before.t_s - now.t_s:.3f} s earlier than the line above it.",
                "Sort the file by time, or cut it where the clock was set back.",
            )


def _require_one_device(samples: Sequence[PowerSample], *, whole_seconds: bool) -> None:
    for before, now in pairwise(samples):
        if now.t_s == before.t_s and now.power_w != before.power_w:
            raise UsageError(
                f"{now.row.where} holds a second power ({now.power_w:g} W beside "
                f"{before.power_w:g} W) for one instant: the readings of several devices are "
                "mixed.",
                f"{CURE} {COARSE}" if whole_seconds else CURE,
            )
    n_devices = _burst_length(samples)
    if n_devices:
        raise UsageError(
            f"{samples[0].row.path} has its readings in bursts of {n_devices} at nearly one "
            "instant: the readings of several devices are mixed.",
            CURE,
        )


def _burst_length(samples: Sequence[PowerSample]) -> int:
    """Return how many readings come together every time; 0 if they come one by one."""
    t_s = np.array([sample.t_s for sample in samples])
    power_w = np.array([sample.power_w for sample in samples])
    for n_together in range(2, MAX_DEVICES + 1):
        n_bursts = len(t_s) // n_together
        if n_bursts < 3:
            return 0
        bursts = t_s[: n_bursts * n_together].reshape(n_bursts, n_together)
        span_s = float((bursts[:, -1] - bursts[:, 0]).max())
        apart_s = float((bursts[1:, 0] - bursts[:-1, -1]).min())
        differ = bool(np.ptp(power_w[: n_bursts * n_together].reshape(bursts.shape), axis=1).any())
        if span_s < BURST_SHARE * apart_s and differ:
            return n_together
    return 0


def _one_per_time(
    samples: Sequence[PowerSample], *, whole_seconds: bool
) -> tuple[list[float], list[float], tuple[str, ...]]:
    """Return one power for each time.

    Raises:
        UsageError: two powers stand at one time that is known to a fraction of a second.
    """
    t_s, power_w = [], []
    n_repeated, n_mean = 0, 0
    for at_s, group in groupby(samples, key=lambda sample: sample.t_s):
        members = list(group)
        values_w = [member.power_w for member in members]
        if len(set(values_w)) > 1 and not whole_seconds:
            raise UsageError(
                f"{members[1].row.where} holds a second power of the same device for one instant.",
                "Cut the file to one recording.",
            )
        n_repeated += len(members) - 1 if len(set(values_w)) == 1 else 0
        n_mean += len(members) if len(set(values_w)) > 1 else 0
        t_s.append(at_s)
        power_w.append(sum(values_w) / len(values_w))
    notes = []
    if n_repeated:
        notes.append(f"{n_repeated} samples repeat the time of the next one and were left out.")
    if n_mean:
        notes.append(
            f"{n_mean} samples share a whole second with another; their means were taken, so "
            "changes within a second are not seen."
        )
    return t_s, power_w, tuple(notes)
