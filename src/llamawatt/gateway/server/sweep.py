"""Ends connections that bring no request, and answers that nobody takes."""

import asyncio
import time

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from llamawatt.gateway.server.gateway import Gateway

SWEEP_S = 1.0


class Sweep:
    """Looks at every connection once a second.

    Args:
        gateway: Whose limits hold.
        runner: Whose connections they are.
    """

    def __init__(self, gateway: Gateway, runner: web.AppRunner) -> None:
        self._gateway = gateway
        self._runner = runner
        self._quiet_s: dict[RequestHandler, float] = {}

    async def run(self) -> None:
        """Sweep, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_S)
            self.sweep(time.monotonic())

    def sweep(self, now_s: float) -> None:
        """End what stood still for too long."""
        limits = self._gateway.configuration.limits
        for flight in tuple(self._gateway.flights):
            if flight.writing_s is not None and now_s - flight.writing_s > limits.client_s:
                flight.abort()
        server = self._runner.server
        quiet_s: dict[RequestHandler, float] = {}
        for connection in server.connections if server is not None else ():
            if connection in self._gateway.asking:
                continue
            since_s = quiet_s[connection] = self._quiet_s.get(connection, now_s)
            if now_s - since_s > limits.idle_s:
                connection.force_close()
        self._quiet_s = quiet_s
