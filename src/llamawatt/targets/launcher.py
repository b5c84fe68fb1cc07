"""Starts a llama-server process, waits until it is healthy, and ends it. One launcher for all."""

import contextlib
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from llamawatt.core.clock import Clock, SystemClock
from llamawatt.core.errors import TargetError, UsageError
from llamawatt.targets.access import Access, open_http
from llamawatt.targets.base import Endpoint
from llamawatt.targets.guard import environment
from llamawatt.targets.log import ServerLog
from llamawatt.targets.spec import OWN_FLAGS, TargetSpec, to_flags

HOST = "127.0.0.1"
PORT_TRIES = 3
POLL_S = 0.02
HEALTH_TIMEOUT_S = 2.0
STOP_S = 5.0
"""Time given to a server to end by itself before it is killed."""
LAST_WORDS_S = 1.0
"""Time given to a server that broke off to be gone, so that it can be said how it ended."""
KEY_BYTES = 32
OPENMP_LIBRARIES = ("libgomp", "libomp", "libiomp", "vcomp")
_REFUSED = re.compile(
    r"(?:invalid argument|unknown argument|unrecognized arguments): (?P<flag>-\S+)"
)
PYTHON = (sys.executable, "-P")
"""`-P` keeps a user's `signal.py` in the current folder out of our own processes."""
_SPAWNER = ThreadPoolExecutor(1, "llamawatt-spawn")
"""Starts every server. The kernel takes the *thread* that started a process for its parent
(`man 2 prctl`, PR_SET_PDEATHSIG), and this one lives until the interpreter ends."""


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
    return Program((*PYTHON, "-m", "llamawatt.targets.embedded"), "llama.cpp", "embedded")


def binary_program(path: Path) -> Program:
    """Return the user's own llama-server.

    Raises:
        UsageError: there is no such program.
    """
    if path.is_dir():
        inside = [
            file
            for under in ("", "*/", "*/*/")  # build/bin, and no deeper: it may be a whole disk
            for name in ("llama-server", "llama-server.exe")
            for file in sorted(path.glob(under + name))
            if file.is_file()
        ]
        remedy = (
            f"Name the file in it: --server {inside[0]}."
            if inside
            else ("No llama-server is in it; name the file itself with --server.")
        )
        raise UsageError(f"The server {path} is a folder.", remedy)
    if not path.is_file() or not os.access(path, os.X_OK):
        why = "may not be run" if path.is_file() else "is not there"
        raise UsageError(f"The server {path} {why}.", "Name your llama-server with --server.")
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
        self._access = Access(api_key=secrets.token_urlsafe(KEY_BYTES))
        self._process: subprocess.Popen[bytes] | None = None
        self._log: ServerLog | None = None

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
                if "port is taken" not in error.remedy or attempt == PORT_TRIES - 1:
                    raise
        raise AssertionError("the loop above returns or raises")

    def stop(self) -> None:
        """Stop it and wait until its process is gone. Safe to call twice."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)
        log, self._log = self._log, None
        if log is not None:
            log.close()

    def last_words(self) -> str:
        """Return how the server ended and what it wrote last; empty while it runs."""
        process = self._process
        if process is None:
            return ""
        try:
            code = process.wait(LAST_WORDS_S)
        except subprocess.TimeoutExpired:
            return ""
        return f"{self._program.name} ended with {_how(code)}. {self._written()}"

    def _spawn(self, port: int) -> None:
        self._log = ServerLog()
        guard = (*PYTHON, "-m", "llamawatt.targets.guard", str(os.getpid()), "--")
        flags = to_flags(self._spec, self._model_path, HOST, port)
        command = [*guard, *self._program.command, *flags]
        gpu = self._spec.device != "none"
        variables = environment(os.environ, dict(self._spec.env), key=self._access.api_key, gpu=gpu)
        job = _SPAWNER.submit(_popen, command, self._log.descriptor, variables)
        self._process = job.result()

    def _wait_healthy(self, port: int) -> Endpoint:
        url = f"http://{HOST}:{port}"
        deadline_s = self._clock.now_s() + self._start_timeout_s
        with open_http(url, self._access, HEALTH_TIMEOUT_S) as http:
            while True:
                self._check_alive()
                if self._is_up(http, url, port):
                    return self._endpoint(http, url)
                if self._clock.now_s() > deadline_s:
                    raise self._failed(f"was not healthy within {self._start_timeout_s:.0f} s")
                self._clock.sleep_s(POLL_S)

    def _is_up(self, http: httpx.Client, url: str, port: int) -> bool:
        """Tell whether it is our server that is healthy, and no other program on its port."""
        process = self._process
        return process is not None and _healthy(http, url) and _listens(process.pid, port)

    def _check_alive(self) -> None:
        process = self._process
        if process is not None and process.poll() is not None:
            raise self._failed(f"ended with {_how(process.returncode)} while starting")

    def _failed(self, what: str) -> TargetError:
        return TargetError(
            f"{self._program.name} {what} (model {self._model_path}).", self._written()
        )

    def _written(self) -> str:
        """Return what the log's end means, and that end."""
        log = self._log
        lines = log.last_lines() if log else []
        meaning = self._refused_flag("\n".join(lines)) or (log.hint() if log else "")
        tail = "".join(f"\n    {line}" for line in lines)
        said = f"It wrote last:{tail}" if tail else "It wrote nothing."
        return f"{meaning} {said}".strip()

    def _refused_flag(self, text: str) -> str:
        """Name the flag, and the setting behind it, that a build does not have."""
        found = _REFUSED.search(text)
        if found is None:
            return ""
        flag = found["flag"].split("=", 1)[0]
        name = OWN_FLAGS.get(flag)
        setting = f" (the setting {name})" if name else ""
        return (
            f"{self._program.name} does not know one of the flags, {flag}{setting}: use a newer "
            "llama-server, or leave the setting out."
        )

    def _endpoint(self, http: httpx.Client, url: str) -> Endpoint:
        return Endpoint(
            url,
            "llama-server",
            self._process.pid if self._process else None,
            server_build(http, url),
            access=self._access,
            notes=self._notes(),
            last_words=self.last_words,
        )

    def _notes(self) -> tuple[str, ...]:
        process = self._process
        if self._spec.poll is None or process is None or not _uses_openmp(process.pid):
            return ()
        return (
            f"poll={self._spec.poll} has no effect: this llama.cpp is built with OpenMP. Set env "
            "to OMP_WAIT_POLICY=PASSIVE or GOMP_SPINCOUNT=0 instead.",
        )


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


def _listens(pid: int, port: int) -> bool:
    """Tell whether a process, or a child of it, listens on a port."""
    try:
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            for line in each.net_connections("tcp"):
                if line.status == psutil.CONN_LISTEN and line.laddr.port == port:
                    return True
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True  # nobody may look, and a clash would have ended it
    return False


def _uses_openmp(pid: int) -> bool:
    """Tell whether a process has loaded an OpenMP; False where the system does not tell."""
    try:
        maps = getattr(psutil.Process(pid), "memory_maps", None)
        paths = [Path(entry.path).name for entry in maps()] if maps else []
    except (psutil.Error, OSError):
        return False
    return any(name.startswith(OPENMP_LIBRARIES) for name in paths)


def _popen(
    command: Sequence[str], output: int, variables: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return f"signal {signal.Signals(-code).name}"


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a process and its group: asked first, then killed."""
    for number in dict.fromkeys((signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM))):
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
