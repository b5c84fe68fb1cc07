"""Starts a llama-server process, waits until it is healthy, and ends it. One launcher for all."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import httpx

from llamawatt.core.clock import Clock, SystemClock
from llamawatt.core.errors import TargetError
from llamawatt.targets.base import Endpoint
from llamawatt.targets.log import hint, last_lines
from llamawatt.targets.spec import TargetSpec, to_flags

HOST = "127.0.0.1"
PORT_TRIES = 3
POLL_S = 0.02
HEALTH_TIMEOUT_S = 2.0
STOP_S = 5.0
"""Time given to a server to end by itself before it is killed."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run.

    Attributes:
        command: Program and leading arguments; llama-server's flags follow.
        name: How to call it in messages.
        kind: `embedded` or `binary`.
    """

    command: tuple[str, ...]
    name: str
    kind: str


def embedded_program() -> Program:
    """Return llama.cpp as it comes with llamawatt."""
    return Program((sys.executable, "-m", "llamawatt.targets.embedded"), "llama.cpp", "embedded")


def binary_program(path: Path) -> Program:
    """Return the user's own llama-server.

    Raises:
        TargetError: there is no such program.
    """
    if not path.is_file() or not os.access(path, os.X_OK):
        raise TargetError(
            f"{path} is no program that can be run.", "Name your llama-server with --server."
        )
    return Program((str(path.resolve()),), str(path), "binary")


class ServerProcess:
    """A llama-server in a child process that dies with this one.

    Args:
        program: What to run.
        model_path: The model.
        spec: Its settings.
        start_timeout_s: Longest wait until it is healthy.
        clock: The clock.
    """

    def __init__(
        self,
        program: Program,
        model_path: Path,
        spec: TargetSpec,
        start_timeout_s: float = 300.0,
        clock: Clock | None = None,
    ) -> None:
        self._program = program
        self._model_path = model_path
        self._spec = spec
        self._start_timeout_s = start_timeout_s
        self._clock = clock or SystemClock()
        self._process: subprocess.Popen[bytes] | None = None
        self._log = Path(os.devnull)

    def start(self) -> Endpoint:
        """Start the server and wait until it is healthy.

        Raises:
            TargetError: it crashed, clashed on a port, could not load the model or never became
                healthy; the message ends with the last lines of its log.
        """
        for attempt in range(PORT_TRIES):
            port = free_port()
            self._spawn(port)
            try:
                return self._wait_healthy(port)
            except TargetError as error:
                self.stop()
                if "port is taken" not in error.what or attempt == PORT_TRIES - 1:
                    raise
        raise AssertionError("the loop above returns or raises")

    def stop(self) -> None:
        """Stop it and wait until its process is gone. Safe to call twice."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)
        if self._log != Path(os.devnull):
            self._log.unlink(missing_ok=True)
            self._log = Path(os.devnull)

    def _spawn(self, port: int) -> None:
        handle, name = tempfile.mkstemp(prefix="llamawatt-server-", suffix=".log")
        self._log = Path(name)
        guard = (sys.executable, "-m", "llamawatt.targets.guard", str(os.getpid()), "--")
        flags = to_flags(self._spec, self._model_path, HOST, port)
        try:
            self._process = subprocess.Popen(
                [*guard, *self._program.command, *flags],
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=handle,
                start_new_session=True,
            )
        finally:
            os.close(handle)

    def _wait_healthy(self, port: int) -> Endpoint:
        url = f"http://{HOST}:{port}"
        deadline_s = self._clock.now_s() + self._start_timeout_s
        with httpx.Client(timeout=HEALTH_TIMEOUT_S, trust_env=False) as http:
            while True:
                self._check_alive()
                if _healthy(http, url):
                    self._check_alive()
                    return self._endpoint(http, url)
                if self._clock.now_s() > deadline_s:
                    raise self._failed(f"was not healthy within {self._start_timeout_s:.0f} s")
                self._clock.sleep_s(POLL_S)

    def _check_alive(self) -> None:
        process = self._process
        if process is None or process.poll() is None:
            return
        code = process.returncode
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        raise self._failed(f"ended with {how} while starting")

    def _failed(self, what: str) -> TargetError:
        meaning = hint(self._log)
        tail = "".join(f"\n    {line}" for line in last_lines(self._log))
        said = f" It wrote last:{tail}" if tail else " It wrote nothing."
        sentence = f"{self._program.name} {what} (model {self._model_path})."
        return TargetError(f"{sentence} {meaning}".strip() + said)

    def _endpoint(self, http: httpx.Client, url: str) -> Endpoint:
        pid = self._process.pid if self._process else None
        return Endpoint(url=url, kind="llama-server", pid=pid, build=server_build(http, url))


def free_port() -> int:
    """Return a port that is free now. Another program may take it before the server does."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def server_build(http: httpx.Client, url: str) -> str:
    """Return what a llama-server says of its build; empty when it does not say."""
    with contextlib.suppress(httpx.HTTPError, ValueError):
        props = http.get(f"{url}/props").json()
        if isinstance(props, dict):
            return str(props.get("build_info", ""))
    return ""


def _healthy(http: httpx.Client, url: str) -> bool:
    try:
        return http.get(f"{url}/health").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a process and its group: asked first, then killed."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        _signal_group(process, number)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            continue
        return


def _signal_group(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
