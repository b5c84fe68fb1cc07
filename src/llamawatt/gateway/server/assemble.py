"""Puts the gateway together on this machine: real meters, real servers, its power supply."""

import asyncio
import time
from pathlib import Path
from types import TracebackType

from llamawatt.app.metering import Metering
from llamawatt.gateway.config.read import Source
from llamawatt.gateway.config.tables import Configuration
from llamawatt.gateway.energy.ledger import Feed
from llamawatt.gateway.places import database_path
from llamawatt.gateway.policy.router import Supply
from llamawatt.gateway.pool.launch import make_target
from llamawatt.gateway.server.gateway import Gateway, Seams
from llamawatt.gateway.server.keys import require_safe
from llamawatt.gateway.server.run import Tell, serve
from llamawatt.host.power_supply import charge_share, on_battery
from llamawatt.meters.sampling.instrument import MeterBench

SUPPLY_S = 5.0
"""How long it is believed how the machine is powered."""


class DiscoveredMeters:
    """Every meter that works here, opened when entered, which takes seconds.

    Args:
        metering: Which meters.
        attached: Whether some server is somebody else's process.
    """

    def __init__(self, metering: Metering, *, attached: bool) -> None:
        self._metering = metering
        self._attached = attached
        self._bench: MeterBench | None = None

    def __enter__(self) -> Feed:
        found = self._metering.discover(attached=self._attached)
        self._bench = MeterBench(found.meters, found.missing)
        return self._bench.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bench is not None:
            self._bench.__exit__(kind, error, trace)


class KnownSupply:
    """How the machine is powered, asked every few seconds at most.

    Args:
        low_share: Below this charge, what can wait does.
    """

    def __init__(self, low_share: float) -> None:
        self._low_share = low_share
        self._asked_s = -SUPPLY_S
        self._known = Supply(low_share=low_share)

    def __call__(self) -> Supply:
        """Return it."""
        now_s = time.monotonic()
        if now_s - self._asked_s >= SUPPLY_S:
            self._asked_s = now_s
            charge = charge_share()
            full = 1.0 if charge is None else charge
            self._known = Supply(bool(on_battery()), full, self._low_share)
        return self._known


def run_gateway(
    configuration: Configuration, source: Source | None, metering: Metering, tell: Tell
) -> None:
    """Serve until told to end.

    Args:
        configuration: What there shall be.
        source: The file that it was read from; None for none.
        metering: Which meters.
        tell: Hears the URL once it serves.

    Raises:
        UsageError: it cannot listen, the database cannot be used, or doors would stand open.
        SpecError: a profile does not hold.
    """
    require_safe(configuration.server, configuration.keys)
    tables = [table for model in configuration.models.values() for table in model.targets.values()]
    attached = any(table.kind == "attached" for table in tables)
    seams = Seams(
        lambda: DiscoveredMeters(metering, attached=attached),
        make_target,
        KnownSupply(configuration.server.low_battery),
    )
    folder = source.path.parent if source is not None else Path()
    database = database_path(configuration.server.database)

    async def run() -> None:
        await serve(Gateway(configuration, folder, database, seams), source, tell)

    asyncio.run(run())
