"""Looks at what feeds the machine, and keeps the profile running that this state asks for."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from llamawatt.app.profiles.launch import Running, launches
from llamawatt.app.profiles.profile import Profile, read_profile
from llamawatt.battery.packs import SYSFS, read_stock
from llamawatt.battery.switching import Reading, State, Switch
from llamawatt.core.errors import UsageError
from llamawatt.host.power_supply import on_battery

LOOK_S = 5.0
"""Between two looks."""


def look(sysfs_root: Path = SYSFS) -> Reading | None:
    """Look at the supply; None where the machine has no battery."""
    discharging = on_battery(sysfs_root)
    if discharging is None:
        return None
    stock = read_stock(sysfs_root)
    return Reading(discharging, None if stock is None else stock.left_share)


@dataclass(frozen=True, slots=True)
class Starter:
    """Starts a profile.

    Attributes:
        host: Address to listen at.
        port: First port.
        tell: Hears what happens.
    """

    host: str
    port: int
    tell: Callable[[str], None]

    def __call__(self, profile: Profile) -> Running:
        """Start it."""
        started = launches(profile, self.host, self.port)
        self.tell(f"serving {profile.model.name} at {started[0].url}")
        return Running.of(started)


def keep_switched(
    paths: Mapping[State, Path],
    low_share: float,
    host: str,
    port: int,
    *,
    tell: Callable[[str], None],
) -> None:
    """Switch profiles until Ctrl-C.

    Args:
        paths: State → profile.
        low_share: What is left when the battery counts as low.
        host: Address to listen at.
        port: First port.
        tell: Hears what happens.

    Raises:
        UsageError: no profile is named, or the machine has no battery.
        SpecError: a profile is broken.
    """
    if not paths:
        raise UsageError("No profile is named.", "Give --ac, --battery or --low.")
    profiles = {state: read_profile(path) for state, path in paths.items()}
    seen = look()
    if seen is None:
        raise UsageError(
            "This machine has no battery: nothing will ever switch.", "Use `llamawatt run`."
        )
    switch: Switch[Profile] = Switch(profiles, Starter(host, port, tell), low_share)
    try:
        while True:
            before, state = switch.state, switch.see(seen)
            if state is not before:
                tell(f"now on {state.value}")
            time.sleep(LOOK_S)
            seen = look() or seen
    finally:
        switch.stop()
