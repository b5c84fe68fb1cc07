"""The seam to every sensor: a meter reads domains. A meter never knows a model."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from llamawatt.core.flags import Flag
from llamawatt.core.readings import Domain, EnergyReading, Sample, Unavailable
from llamawatt.core.trials import FactorValue, IdlePower
from llamawatt.runs.samples import RawTrace


@runtime_checkable
class Meter(Protocol):
    """Reads one interface (NVML, powercap, a wall plug) that covers one or more domains.

    `testing/meter_contract.py` is this contract as a test.
    """

    @property
    def name(self) -> str:
        """Short name of the interface, as `nvml` or `rapl`."""

    def domains(self) -> tuple[Domain, ...]:
        """Return the domains this meter reads; the same tuple for its whole life."""

    def read(self, domain: str) -> Sample | Unavailable:
        """Read one domain now.

        Args:
            domain: Name of one of `domains()`.

        Returns:
            The sample, or why there is none. Never zero for "no data", never an exception for a
            sensor that fails.

        Raises:
            KeyError: `domain` is not one of this meter's.
            RuntimeError: the meter is closed.
        """

    def close(self) -> None:
        """Let go of the interface. Safe to call twice; `read` raises afterwards."""


class Instrument(Protocol):
    """All meters of the machine, sampled together. Knows no model."""

    @property
    def domains(self) -> tuple[Domain, ...]:
        """Return every domain read."""

    @property
    def slowest_period_s(self) -> float:
        """Return the longest update period among the domains that are summed."""

    def edge(self) -> None:
        """Look for counter ticks now; call it in the idle before and after the work."""

    def idle(self, duration_s: float) -> dict[str, IdlePower]:
        """Measure the mean power of the coming `duration_s` seconds, by domain."""

    def energies(
        self, t0_s: float, t1_s: float, *, surrounded: bool, starts_s: Sequence[float] = ()
    ) -> dict[str, EnergyReading | Unavailable]:
        """Return the energy of a past window, by domain.

        `surrounded` says that the idle measured last lies on both sides of the window, `starts_s`
        when replies in it began.
        """

    def traces(self, t0_s: float, t1_s: float) -> dict[str, RawTrace]:
        """Return the raw samples around a past window, by domain."""

    def evidence(self) -> dict[str, FactorValue]:
        """Return clocks, temperatures, P-states and throttling as the devices tell them."""

    def doubts(self) -> tuple[Flag, ...]:
        """Return flags that concern every window: a part-time sensor, sensors that disagree."""
