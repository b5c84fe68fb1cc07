"""Conversions between the units that sensors speak and SI, and nothing else."""

J_PER_WH = 3600.0
"""Joules in a watt-hour (exact)."""


def j_from_uj(energy_uj: float) -> float:
    """Convert microjoules (Linux powercap) to joules."""
    return energy_uj * 1e-6


def j_from_mj(energy_mj: float) -> float:
    """Convert millijoules (NVML) to joules."""
    return energy_mj * 1e-3


def w_from_mw(power_mw: float) -> float:
    """Convert milliwatts (NVML) to watts."""
    return power_mw * 1e-3


def j_from_wh(energy_wh: float) -> float:
    """Convert watt-hours to joules."""
    return energy_wh * J_PER_WH
