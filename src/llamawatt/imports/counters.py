"""Cumulative energies in logs: reads that cannot be true go, a fall for good is refused."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llamawatt.core.errors import UsageError
from llamawatt.core.flags import Flag
from llamawatt.core.readings import Domain
from llamawatt.imports.left_out import LeftOut
from llamawatt.imports.table import Row
from llamawatt.meters.energy.screening import Limits, screened


@dataclass(frozen=True, slots=True)
class Rising:
    """A cumulative energy that rises.

    Attributes:
        t_s: Times of the reads that were kept.
        energy_j: What they say.
        flags: Doubts.
    """

    t_s: tuple[float, ...]
    energy_j: tuple[float, ...]
    flags: tuple[Flag, ...] = ()


def rising(
    rows: Sequence[Row],
    t_s: Sequence[float],
    energy_j: Sequence[float],
    domain: Domain,
    left_out: LeftOut,
) -> Rising:
    """Return a cumulative energy without single reads that cannot be true.

    Raises:
        UsageError: it falls for good, or jumps by more than the device can draw.
    """
    times, values = np.array(t_s), np.array(energy_j)
    found = screened(times, values, None, Limits.of(domain))
    for place in np.flatnonzero(found.left_out).tolist():
        before = rows[max(0, place - 1)]
        was_j = float(values[max(0, place - 1)])
        now_j = float(values[place])
        verb = "falls" if now_j < was_j else "jumps"
        raise UsageError(
            f"{rows[place].where}: {domain.name} {verb} from {was_j} J (line {before.number}) to "
            f"{now_j} J.",
            "A cumulative energy cannot do that; cut the file there.",
        )
    for place in np.flatnonzero(~found.kept).tolist():
        left_out.add(rows[place].number, f"a read of {domain.name} that cannot be true")
    flags = () if found.kept.all() else (Flag.READS_IMPOSSIBLE,)
    return Rising(tuple(times[found.kept].tolist()), tuple(values[found.kept].tolist()), flags)
