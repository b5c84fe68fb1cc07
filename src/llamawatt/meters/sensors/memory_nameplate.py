"""Bandwidth of a card's memory by its design: bus width and clock, no measurement."""

_TRANSFERS = 2
"""Per period of the clock that NVML and CUDA state (double data rate)."""


def nameplate_bytes_per_s(bus_bits: int | None, max_clock_hz: float | None) -> float | None:
    """Return bus width / 8 x clock x 2, the theoretical bandwidth; None where either is unknown.

    NVIDIA, CUDA C++ Best Practices Guide, "Theoretical Bandwidth Calculation". HBM moves two bits
    per pin and period of its clock. GDDR5 and later move four, eight or more per period of their
    command clock, but the driver states the clock at which two hold for these as well: 10,501 MHz
    for 21 Gbit/s GDDR6X. So the one formula gives the vendor's own figures for both kinds.

    Args:
        bus_bits: Width of the bus.
        max_clock_hz: Highest clock of the memory, as NVML states it.
    """
    if not bus_bits or not max_clock_hz or bus_bits < 0 or max_clock_hz < 0:
        return None
    return bus_bits / 8 * max_clock_hz * _TRANSFERS
