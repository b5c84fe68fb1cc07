"""Runs the gateway until it is told to end."""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import aiohttp
from aiohttp import web

from llamawatt.core.errors import SpecError, UsageError
from llamawatt.gateway.config.read import Source
from llamawatt.gateway.server.application import make_application
from llamawatt.gateway.server.gateway import Gateway
from llamawatt.gateway.server.keys import require_safe
from llamawatt.gateway.server.sweep import Sweep

RELOAD_S = 1.0
Tell = Callable[[str], None]


@contextlib.asynccontextmanager
async def running(gateway: Gateway, source: Source | None = None) -> AsyncIterator[str]:
    """Serve, and look after everything, while entered. Yields the URL.

    Args:
        gateway: What is served; it is closed in the end.
        source: Its configuration file, which is read again when it changes.

    Raises:
        UsageError: the port is in use, or the address is none of this machine.
    """
    server, limits = gateway.configuration.server, gateway.configuration.limits
    require_safe(server, gateway.configuration.keys)
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=15)
    runner = web.AppRunner(
        make_application(gateway),
        handler_cancellation=True,
        access_log=None,
        shutdown_timeout=server.drain_s,
        max_field_size=limits.header_bytes,
        max_line_size=limits.header_bytes,
        lingering_time=1.0,
    )
    async with aiohttp.ClientSession(
        connector=connector, auto_decompress=False, read_bufsize=2**18, trust_env=False
    ) as session:
        gateway.session = session
        await runner.setup()
        try:
            site = await _listen(runner, server.host, server.port)
        except BaseException:
            await runner.cleanup()
            await gateway.close()
            raise
        duties = {
            "metering": gateway.meters.run(),
            "unloading": gateway.pool.look_after(),
            "health": gateway.pool.watch_health(session),
            "sweeping": Sweep(gateway, runner).run(),
            "reloading": _reload(gateway, source),
        }
        tasks = [asyncio.create_task(_told(gateway, *each)) for each in duties.items()]
        try:
            yield site
        finally:
            await _end(gateway, runner, tasks)


async def _told(gateway: Gateway, name: str, duty: Coroutine[None, None, None]) -> None:
    """Do a duty; should it break, /health says so and answers go on."""
    try:
        await duty
    except Exception as error:  # noqa: BLE001  (a fault of ours must not end the service)
        gateway.notes.append(f"{name} broke off: {type(error).__name__}: {error}")


async def _listen(runner: web.AppRunner, host: str, port: int) -> str:
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
    except OSError as error:
        raise UsageError(
            f"The gateway cannot listen on {host}:{port} ({error.strerror or error}).",
            "Name another port with --port, or end what uses this one.",
        ) from error
    bound = runner.addresses[0]
    shown = f"[{bound[0]}]" if ":" in str(bound[0]) else bound[0]
    return f"http://{shown}:{bound[1]}"


async def _end(gateway: Gateway, runner: web.AppRunner, tasks: "list[asyncio.Task[None]]") -> None:
    """Let running answers end, settle what they cost, and close everything."""
    gateway.is_draining = True
    await runner.cleanup()
    with contextlib.suppress(Exception):
        await gateway.meters.book(time.monotonic())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await gateway.close()


async def _reload(gateway: Gateway, source: Source | None) -> None:
    """Read the configuration again when its file changed; keep the old if the new is broken."""
    seen = (-1, -1)
    while source is not None:
        stamp = _stamp(source.path)
        if stamp != seen:
            seen = stamp
            try:
                found = source.read()
                if found != gateway.configuration:
                    gateway.reconfigure(found)
                gateway.notes.clear()
            except SpecError as error:
                gateway.notes.append(str(error))
        await asyncio.sleep(RELOAD_S)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)


async def serve(gateway: Gateway, source: Source | None, tell: Tell) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        UsageError: it cannot listen.
    """
    raise_open_files()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, ended.set)
    async with running(gateway, source) as url:
        tell(url)
        await ended.wait()


def raise_open_files() -> None:
    """Allow as many connections as the system lets a program have."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415  (POSIX alone has it)

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 65536) if hard != resource.RLIM_INFINITY else 65536
    if soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
