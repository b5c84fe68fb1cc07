"""Holds the metered domains against a wall plug, at levels of load from idle to all cores."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from llamawatt.analysis.estimates.wall_model import N_LEVELS_MIN, Boundary, LevelPower
from llamawatt.core.clock import Clock
from llamawatt.core.errors import MeterError
from llamawatt.core.readings import Domain, EnergyReading, Method, Unavailable
from llamawatt.meters.base import Instrument

LOAD_SHARES = (0.0, 0.25, 0.5, 1.0)
SETTLE_S = 5.0
"""Before each level: plugs renew their figure about once a second, and power supplies follow."""
WALL = "wall"
"""The domain of the plug's power."""
PLUG_REMEDY = "Check the plug and the network, as with `llamawatt doctor --wall URL`."


@dataclass(frozen=True, slots=True)
class Levels:
    """How to go through the levels.

    Attributes:
        n_cores: Cores that may be used.
        level_s: How long each level is measured.
        settle_s: How long each level lasts before that.
    """

    n_cores: int
    level_s: float
    settle_s: float = SETTLE_S

    @property
    def n_busy_cores(self) -> tuple[int, ...]:
        """Busy cores of each level, in rising order, each once."""
        counts = {math.ceil(share * self.n_cores) for share in LOAD_SHARES}
        return tuple(sorted(counts))

    @property
    def duration_s(self) -> float:
        """How long all levels take."""
        return len(self.n_busy_cores) * (self.settle_s + self.level_s)


def boundary_of(domains: tuple[Domain, ...]) -> Boundary:
    """Return what is summed, and what it is held against.

    Raises:
        MeterError: there is no plug, or no other domain.
    """
    summed = [domain for domain in domains if domain.in_total]
    plug = next((domain for domain in domains if domain.name == WALL), None)
    if plug is None:
        raise MeterError("There is no wall plug to hold the domains against.", PLUG_REMEDY)
    if not summed:
        raise MeterError("There is no domain to hold against the plug.", "Try `llamawatt doctor`.")
    modelled = tuple(domain.name for domain in summed if domain.method is Method.MODEL)
    return Boundary(tuple(domain.name for domain in summed), modelled, plug.gain_error)


def measure_levels(
    bench: Instrument,
    levels: Levels,
    load: Callable[[int], AbstractContextManager[None]],
    clock: Clock,
    tell: Callable[[str], None],
) -> tuple[LevelPower, ...]:
    """Measure mean power of domains and wall at each level.

    Args:
        bench: All meters, the plug among them.
        levels: How to go through the levels.
        load: Keeps a number of cores busy inside its block.
        clock: The clock that the bench goes by.
        tell: Hears what is done.

    Raises:
        MeterError: a domain or the plug gave no energy at some level, or too few levels are
            possible.
    """
    boundary = boundary_of(bench.domains)
    counts = levels.n_busy_cores
    if len(counts) < N_LEVELS_MIN:
        raise MeterError(
            f"With {levels.n_cores} core there are {len(counts)} levels of load; "
            f"{N_LEVELS_MIN} are needed.",
            "Let it use more cores.",
        )
    measured = []
    for n_busy_cores in counts:
        tell(f"measuring with {n_busy_cores} of {levels.n_cores} cores busy")
        with load(n_busy_cores):
            clock.sleep_s(levels.settle_s)
            bench.edge()
            t0_s = clock.now_s()
            clock.sleep_s(levels.level_s)
            t1_s = clock.now_s()
            bench.edge()
        readings = bench.energies(t0_s, t1_s, surrounded=False)
        measured.append(_level(n_busy_cores, boundary, readings, t1_s - t0_s))
    return tuple(measured)


def _level(
    n_busy_cores: int,
    boundary: Boundary,
    readings: dict[str, EnergyReading | Unavailable],
    duration_s: float,
) -> LevelPower:
    parts = [_required(name, readings, n_busy_cores) for name in boundary.domains]
    wall = _required(WALL, readings, n_busy_cores)
    return LevelPower(
        n_busy_cores=n_busy_cores,
        domains_w=math.fsum(part.energy_j for part in parts) / duration_s,
        wall_w=wall.energy_j / duration_s,
        domains_uncertainty_w=math.hypot(*(part.uncertainty_j for part in parts)) / duration_s,
        wall_uncertainty_w=wall.uncertainty_j / duration_s,
    )


def _required(
    name: str, readings: dict[str, EnergyReading | Unavailable], n_busy_cores: int
) -> EnergyReading:
    found = readings[name]
    if isinstance(found, Unavailable):
        raise MeterError(
            f"{name} gave no energy with {n_busy_cores} cores busy: {found.reason}",
            PLUG_REMEDY if name == WALL else found.remedy,
        )
    return found
