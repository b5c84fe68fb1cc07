"""The fake server as a program, started as users start their own llama-server."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from llamawatt.targets.launcher import Program, ServerProcess, free_port
from llamawatt.targets.spec import TargetSpec

FAKE = (sys.executable, "-P", "-m", "llamawatt.testing.fake_server")


def program(*flags: str) -> Program:
    return Program((*FAKE, *flags), "the fake", "binary")


def server(*flags: str, start_timeout_s: float = 30.0, **settings: object) -> ServerProcess:
    spec = TargetSpec.model_validate(settings)
    return ServerProcess(program(*flags), Path("fake.gguf"), spec, start_timeout_s)


@contextlib.contextmanager
def running(*flags: str) -> Iterator[str]:
    """Run the fake as somebody else's server and give its URL."""
    port = free_port()
    process = subprocess.Popen(
        [*FAKE, "--port", str(port), *flags], stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_answering(url)
        yield url
    finally:
        process.kill()
        process.wait()


def wait_until_answering(url: str) -> None:
    deadline_s = time.monotonic() + 30
    while True:
        try:
            httpx.get(url, trust_env=False, timeout=2)
        except httpx.RemoteProtocolError:
            return  # it speaks TLS
        except httpx.HTTPError:
            assert time.monotonic() < deadline_s
            time.sleep(0.02)
        else:
            return
