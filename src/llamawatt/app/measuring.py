"""The energy of a block of code, or of a command."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from types import FrameType
from typing import TextIO

from llamawatt.analysis.estimates.metrics import EnergySum, domain_energy, energy_sum
from llamawatt.core.clock import SystemClock
from llamawatt.core.errors import UsageError
from llamawatt.core.flags import Flag
from llamawatt.core.machine import MissingMeter
from llamawatt.core.readings import Method, Unavailable
from llamawatt.core.trials import DomainEnergy, IdlePower
from llamawatt.host.other_load import NOTABLE_SHARE, CommandCompany
from llamawatt.meters.sampling.instrument import MeterBench
from llamawatt.meters.sensors.discover import Discovery, discover


@dataclass
class Measurement:
    """What a block of work cost. Filled when the block has ended.

    Attributes:
        duration_s: Length of the block.
        energy: By domain; domains that gave nothing are in `unavailable`.
        unavailable: By domain, why there is no figure.
        idle: Idle power before the block, by domain; empty without an idle window.
        missing: Meters that do not work here, with the remedy.
        total: Joules of all domains in the total; None when one of them gave none.
        flags: Doubts about it, what no meter covers included.
    """

    duration_s: float = 0.0
    energy: dict[str, DomainEnergy] = field(default_factory=dict)
    unavailable: dict[str, Unavailable] = field(default_factory=dict)
    idle: dict[str, IdlePower] = field(default_factory=dict)
    missing: tuple[MissingMeter, ...] = ()
    total: EnergySum | None = None
    flags: tuple[Flag, ...] = ()

    @property
    def total_j(self) -> float | None:
        """Joules of all domains in the total; None when one of them gave none."""
        return None if self.total is None else self.total.energy_j


@contextmanager
def measure(idle_s: float = 0.0, meters: Discovery | None = None) -> Iterator[Measurement]:
    """Measure the energy of a block of code on this machine.

    Args:
        idle_s: Idle measured before the block, so that the figure above idle is known too, and
            the edges of the window are more certain.
        meters: Meters to use; all that work here when None.

    Yields:
        A measurement, filled when the block ends, also when it ends by an exception.

    Raises:
        MeterError: nothing can be measured here.
    """
    found = meters or discover()
    clock = SystemClock()
    result = Measurement()
    with MeterBench(found.meters, found.missing, clock) as bench:
        result.idle = bench.idle(idle_s)
        bench.edge()
        t0_s = clock.now_s()
        try:
            yield result
        finally:
            t1_s = clock.now_s()
            bench.edge()
            _fill(result, bench, t0_s, t1_s)


def _fill(result: Measurement, bench: MeterBench, t0_s: float, t1_s: float) -> None:
    domains = {domain.name: domain for domain in bench.domains}
    result.duration_s = t1_s - t0_s
    result.missing = bench.missing
    for name, reading in bench.energies(t0_s, t1_s, surrounded=bool(result.idle)).items():
        if isinstance(reading, Unavailable):
            result.unavailable[name] = reading
        else:
            result.energy[name] = domain_energy(reading, domains[name], result.idle.get(name))
    summed = [result.energy[name] for name in bench.boundary if name in result.energy]
    if len(summed) == len(bench.boundary):
        result.total = energy_sum(summed)
    result.flags = _doubts(bench, summed)


def _doubts(bench: MeterBench, summed: Sequence[DomainEnergy]) -> tuple[Flag, ...]:
    """Collect what a reader must know of the sum: gaps, and measured beside modelled parts."""
    flags = list(bench.doubts())
    if len(summed) < len(bench.boundary):
        flags.append(Flag.READS_FAILED)
    if len({part.method is Method.MODEL for part in summed}) > 1:
        flags.append(Flag.MIXED_METHODS)
    return tuple(dict.fromkeys([*flags, *(flag for part in summed for flag in part.flags)]))


@dataclass(frozen=True, slots=True)
class CommandResult:
    """A command that was run, its exit code and its cost."""

    command: tuple[str, ...]
    exit_code: int
    measurement: Measurement


def run_command(
    command: Sequence[str],
    *,
    idle_s: float = 1.0,
    meters: Discovery | None = None,
    stdout_to_stderr: bool = False,
) -> CommandResult:
    """Run a command and measure it. Signals go to the command; what it cost is still told.

    Args:
        command: Program and arguments.
        idle_s: Idle measured first.
        meters: Meters to use, closed in the end; all that work here when None.
        stdout_to_stderr: Send the command's stdout to stderr.

    Raises:
        UsageError: the program cannot be started.
        MeterError: nothing can be measured here.
    """
    require_program(command)
    with measure(idle_s, meters) as measurement:
        company = CommandCompany()
        exit_code = _run(command, sys.stderr if stdout_to_stderr else None)
        other_share = company.other_share()
    if other_share is not None and other_share > NOTABLE_SHARE:
        measurement.flags = (*measurement.flags, Flag.OTHER_LOAD)
    return CommandResult(tuple(command), exit_code, measurement)


def require_program(command: Sequence[str]) -> None:
    """Look for a command's program before seconds are spent on meters.

    Whether it may run is left to the system.

    Raises:
        UsageError: there is none.
    """
    program = command[0] if command else ""
    if shutil.which(program, mode=os.F_OK) is None:
        raise UsageError(
            f"{program or 'Nothing'} cannot be started: there is no such program.",
            "Name a program on the PATH, or give its path.",
        )


def _run(command: Sequence[str], stdout: TextIO | None) -> int:
    children: list[subprocess.Popen[bytes]] = []
    with _signals_passed_on(children):
        try:
            children.append(subprocess.Popen(list(command), stdout=stdout))
        except OSError as error:
            raise UsageError(f"{command[0]} cannot be started ({error.strerror}).") from error
        code = int(children[0].wait())
    return code if code >= 0 else 128 - code


@contextmanager
def _signals_passed_on(children: Sequence["subprocess.Popen[bytes]"]) -> Iterator[None]:
    """Leave Ctrl-C to the command, which the terminal tells too, and send on what ends us.

    Python functions, not SIG_IGN: a command would inherit that.
    """

    def send_on(number: int, _frame: FrameType | None) -> None:
        for child in children:
            child.send_signal(number)

    if threading.current_thread() is not threading.main_thread():  # may set no handler
        yield
        return
    numbers = [each for each in signal.Signals if each.name in {"SIGTERM", "SIGHUP"}]
    before = {number: signal.signal(number, send_on) for number in numbers}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def to_json(result: CommandResult) -> str:
    """Return a command's cost as JSON."""
    measured = result.measurement
    return json.dumps(
        {
            "command": list(result.command),
            "exit_code": result.exit_code,
            "duration_s": measured.duration_s,
            "total_j": measured.total_j,
            "total": None if measured.total is None else asdict(measured.total),
            "flags": [flag.value for flag in measured.flags],
            "energy": {name: asdict(part) for name, part in measured.energy.items()},
            "idle": {name: asdict(power) for name, power in measured.idle.items()},
            "unavailable": {name: why.reason for name, why in measured.unavailable.items()},
            "missing": [asdict(missing) for missing in measured.missing],
        },
        indent=1,
    )
