"""Starts the server, or the servers, of a profile, and stays until they end."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from llamawatt.app.profiles.profile import Profile
from llamawatt.core.errors import TargetError
from llamawatt.targets.guard import KEY_VARIABLE, environment
from llamawatt.targets.launcher import PYTHON, binary_program, embedded_program
from llamawatt.targets.spec import REQUEST_SETTINGS, to_flags

LOOK_S = 0.2
"""How often it is looked whether a server has ended."""
STOP_S = 10.0
"""Time given to a server to end by itself."""


@dataclass(frozen=True, slots=True)
class Launch:
    """One server to start.

    Attributes:
        command: Program and flags.
        variables: Its environment.
        url: Where it will answer.
    """

    command: tuple[str, ...]
    variables: Mapping[str, str]
    url: str


def launches(profile: Profile, host: str, port: int) -> tuple[Launch, ...]:
    """Return what starts a profile's servers, on neighbouring ports.

    Raises:
        ModelError: the model cannot be had.
        SpecError: the model is another one, or a setting does not hold.
        UsageError: the server's program is not there.
    """
    spec, path = profile.spec(), profile.model_path()
    program = binary_program(Path(profile.server)) if profile.server else embedded_program()
    each = spec.of_each_server()
    key = os.environ.get(KEY_VARIABLE, "")
    variables = environment(os.environ, dict(spec.env), key=key, gpu=spec.device != "none")
    if not key:
        del variables[KEY_VARIABLE]
    return tuple(
        Launch(
            (*program.command, *to_flags(each, path, host, number)),
            variables,
            f"http://{host}:{number}",
        )
        for number in range(port, port + (spec.n_servers or 1))
    )


def request_advice(profile: Profile) -> str:
    """Say what requests should carry; empty where nothing."""
    carried = {
        name: profile.settings[name] for name in REQUEST_SETTINGS if name in profile.settings
    }
    said = ", ".join(f"{name}={value}" for name, value in carried.items())
    return f"Requests should carry {said}: a server takes these from them." if said else ""


def machine_doubt(profile: Profile, key: str) -> str:
    """Say that a profile is of another machine; empty where it is of this one.

    Args:
        profile: The profile.
        key: Key of this machine.
    """
    if not profile.machine_key or profile.machine_key == key:
        return ""
    return (
        f"This profile was tuned on another machine ({profile.machine}). It may not be the best "
        "here: `llamawatt tune` finds out, or `llamawatt tune --check` whether it still wins."
    )


@dataclass(slots=True)
class Running:
    """Servers that run.

    Attributes:
        processes: One for each.
    """

    processes: "list[subprocess.Popen[bytes]]"

    @classmethod
    def of(cls, servers: Sequence[Launch]) -> "Running":
        """Start servers.

        Raises:
            TargetError: a program cannot be started; none is left running.
        """
        running = cls([])
        try:
            for each in servers:
                running.processes.append(_start(each))
        except TargetError:
            running.stop()
            raise
        return running

    def ended(self) -> int | None:
        """Return the exit code of one that has ended; None while all run."""
        codes = [code for each in self.processes if (code := each.poll()) is not None]
        return int(abs(codes[0])) if codes else None

    def stop(self) -> None:
        """End all. Safe to call twice."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def stay(servers: Sequence[Launch]) -> int:
    """Start servers and wait until one ends or this process is told to end; then end all.

    Returns:
        The exit code of the server that ended by itself; 0 where we were told to end.

    Raises:
        TargetError: a program cannot be started.
    """
    told = threading.Event()
    with _until_told(told):
        running = Running.of(servers)
        try:
            while not told.wait(LOOK_S):
                code = running.ended()
                if code is not None:
                    return code
            return 0
        finally:
            running.stop()


def _start(launch: Launch) -> "subprocess.Popen[bytes]":
    guard = (*PYTHON, "-m", "llamawatt.targets.guard", str(os.getpid()), "--")
    try:
        return subprocess.Popen([*guard, *launch.command], env=dict(launch.variables))
    except OSError as error:
        raise TargetError(f"{launch.command[0]} cannot be started ({error.strerror}).") from error


@contextlib.contextmanager
def _until_told(told: threading.Event) -> Iterator[None]:
    """Have SIGINT and SIGTERM set an event."""

    def tell(_number: int, _frame: FrameType | None) -> None:
        told.set()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, tell) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
