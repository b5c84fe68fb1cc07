"""How a processor's power rises with its busy cores: one curve from idle (0) to full load (1).

    g = (mean over physical cores of w · u^q)^a · (1 + h·m) / (1 + h)

u is the busy share of a core's busiest thread, w the weight of its kind, m the mean busy share of
second threads. q > 1: a core that is busy part of the time runs at a lower clock. a < 1: cores
share one budget of power, so that the first ones cost most. h: a second thread on a busy core adds
little. Sources and validation are in docs/explanation/cpu-estimate.md.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from llamawatt.host.cpu.topology import Core, Topology

PART_TIME_EXPONENT = 1.75
SATURATION_EXPONENT = 0.5
SECOND_THREAD_GAIN = 0.1
"""Chosen on RAPL against load of an AMD EPYC 8024P and an Intel Xeon E3-1240 v2 (CodeCarbon's
public measurements), rounded: benchmarks/cpu_model.py shows how well they do."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The shape of power over load; see the module's head.

    Attributes:
        saturation_exponent: The exponent `a`; a fit to one's own machine may replace it.
    """

    saturation_exponent: float = SATURATION_EXPONENT

    def span_share(self, topology: Topology, busy_share: Mapping[int, float]) -> float:
        """Return g, from 0 with all cores idle to 1 with all of them busy.

        Args:
            topology: The physical cores.
            busy_share: By number of the logical CPU, which share of the time it was busy, 0..1;
                those missing were idle.
        """
        total, busy, paired, added = 0.0, 0.0, 0.0, 0.0
        for core in topology.cores:
            busiest, others = _core_shares(core, busy_share)
            weight = core.power_share
            total += weight
            busy += weight * busiest**PART_TIME_EXPONENT
            if len(core.threads) > 1:
                paired += weight
                added += weight * others
        gain = 1.0
        if paired:
            gain = (1 + SECOND_THREAD_GAIN * added / paired) / (1 + SECOND_THREAD_GAIN)
        return math.pow(busy / total, self.saturation_exponent) * gain


def _core_shares(core: Core, busy_share: Mapping[int, float]) -> tuple[float, float]:
    """Return the busy share of a core's busiest thread, and the mean of its others."""
    found = (_clipped(busy_share.get(number, 0.0)) for number in core.threads)
    busiest, *others = sorted(found, reverse=True)
    return busiest, sum(others) / len(others) if others else 0.0


def _clipped(share: float) -> float:
    return min(1.0, max(0.0, share))
