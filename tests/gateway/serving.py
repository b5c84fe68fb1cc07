"""A gateway on loopback over fake servers and simulated sensors."""

import asyncio
import contextlib
import json
import sys
from pathlib import Path

import aiohttp

from llamawatt.core.clock import SystemClock
from llamawatt.gateway.config.tables import Configuration
from llamawatt.gateway.policy.router import Supply
from llamawatt.gateway.pool.launch import make_target
from llamawatt.gateway.server.gateway import Gateway, Seams
from llamawatt.gateway.server.run import running
from llamawatt.meters.sampling.instrument import MeterBench
from llamawatt.testing.fake_meter import FakeMeter
from llamawatt.testing.fake_server import Behaviour, FakeServer
from llamawatt.testing.load_shape import LoadShape

CHAT = {
    "model": "tiny",
    "messages": [{"role": "user", "content": "one two three"}],
    "max_tokens": 8,
}
STEADY = LoadShape.through([0.0, 1.0], [60.0, 60.0])


def simulated_meters(sensors="counter-20ms"):
    return MeterBench([FakeMeter(SystemClock(), STEADY, sensors)], calibration_s=0.2)


class NoFeed:
    """Meters that cannot be opened."""

    def __enter__(self):
        from llamawatt.core.errors import MeterError

        raise MeterError("Nothing can be measured here.", "Plug something in.")

    def __exit__(self, *_):
        return None


def seams(open_feed=simulated_meters, supply=Supply):
    return Seams(open_feed, make_target, supply)


def script(tmp_path: Path, *flags: str, name: str = "server") -> Path:
    """Write the fake server as a program of the user's own."""
    path = tmp_path / name
    extra = " ".join(flags)
    path.write_text(
        f'#!/bin/sh\nexec {sys.executable} -P -m llamawatt.testing.fake_server {extra} "$@"\n'
    )
    path.chmod(0o755)
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    return path


def binary(tmp_path: Path, *flags: str, **fields) -> dict:
    own = script(tmp_path, *flags, name=f"server{abs(hash(flags))}")
    return {"kind": "binary", "server": str(own), "model": str(tmp_path / "m.gguf"), **fields}


@contextlib.asynccontextmanager
async def fake(**behaviour):
    """Run the fake server in this loop; give its URL."""
    own = FakeServer(Behaviour(**{"n_parallel": 64, **behaviour}))
    listening = await asyncio.start_server(own._answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()


def configured(targets: dict, **parts) -> Configuration:
    server = {"port": 0, "drain_s": 2.0, **parts.pop("server", {})}
    given = {"server": server, "models": {"tiny": {"targets": targets}}, **parts}
    return Configuration.model_validate(given)


@contextlib.asynccontextmanager
async def serving(tmp_path: Path, targets: dict, own_seams=None, ready=True, **parts):
    """Run a gateway; give it, its URL and a client session."""
    gateway = Gateway(
        configured(targets, **parts), tmp_path, tmp_path / "energy.sqlite", own_seams or seams()
    )
    async with running(gateway) as url, aiohttp.ClientSession(url) as client:
        while ready and own_seams is None and gateway.meters.accounts is None:
            await asyncio.sleep(0.02)
        yield gateway, client


def attached(url: str, **fields) -> dict:
    return {"kind": "attached", "url": url, "slots": 64, **fields}


async def settled(client, request_id: str) -> dict:
    """Wait until an answer's receipt is final."""
    for _ in range(400):
        async with client.get(f"/v1/energy/receipts/{request_id}") as answer:
            if answer.status == 200:
                found = await answer.json()
                if found["settled"]:
                    return found
        await asyncio.sleep(0.05)
    raise AssertionError("never settled")


def receipt_id(headers) -> str:
    return headers["X-Energy-Receipt"].rsplit("/", 1)[1]


def data_of(stream: bytes) -> list:
    """Return the JSON events of a stream."""
    return [
        json.loads(line[6:])
        for line in stream.splitlines()
        if line.startswith(b"data: ") and line != b"data: [DONE]"
    ]
