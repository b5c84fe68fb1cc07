"""The seam to every sensor: a meter reads domains. A meter never knows a model."""

from typing import Protocol, runtime_checkable

from llamawatt.core.readings import Domain, Sample, Unavailable


@runtime_checkable
class Meter(Protocol):
    """Reads one interface (NVML, powercap, a wall plug) that covers one or more domains.

    `meters/conformance.py` is this contract as a test.
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


class EvidenceSource(Protocol):
    """A meter that can also tell clocks, temperature, P-state and throttling."""

    def evidence(self) -> dict[str, str | int | float | bool | None]:
        """Return what the device says of itself now; keys carry their unit (`gpu-0.temp_c`)."""
