"""What can be measured here, how well, and what would help."""

from dataclasses import dataclass
from pathlib import Path

from llamawatt.app.assemble import find_abilities
from llamawatt.app.machine_record import machine_record
from llamawatt.app.metering import Metering
from llamawatt.app.serving import Serving
from llamawatt.core.errors import TargetError
from llamawatt.core.machine import MachineRecord
from llamawatt.measure.preflight import Finding, preflight
from llamawatt.meters.sampling.instrument import MeterBench
from llamawatt.meters.sensors.discover import gpu_sleeps, gpus

CALIBRATION_S = 3.0
"""Time given to each meter's calibration: longer than before a run, since it is what is asked."""


@dataclass(frozen=True, slots=True)
class Build:
    """What a llama.cpp can do here.

    Attributes:
        runs: Whether it starts at all.
        gpu: The GPU that it can use; empty when there is none.
        why_not: Why it does not run, or sees no GPU.
    """

    runs: bool
    gpu: str = ""
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found.

    Attributes:
        machine: The machine with its calibrated meters, and the meters that do not work.
        build: The llama.cpp.
        findings: What would spoil a measurement now.
    """

    machine: MachineRecord
    build: Build
    findings: tuple[Finding, ...]


def examine(server: Path | None, metering: Metering, *, wake: bool) -> Examination:
    """Examine the machine.

    Args:
        server: The user's own llama-server; llama.cpp as it comes with llamawatt when None.
        metering: Which meters.
        wake: Whether a sleeping GPU may be woken.

    Raises:
        TargetError: the user's own llama-server does not run.
        MeterError: nothing can be measured here.
    """
    build = ask_build(server, wake=wake)
    found = metering.discover(want_gpu=wake)
    with MeterBench(found.meters, found.missing, calibration_s=CALIBRATION_S) as bench:
        findings = preflight(evidence=bench.evidence())
        machine = machine_record(bench, gpus(want_gpu=wake), "")
    return Examination(machine, build, findings)


def ask_build(server: Path | None, *, wake: bool) -> Build:
    """Ask llama.cpp for its GPU, unless that would wake one.

    Raises:
        TargetError: the user's own llama-server does not run.
    """
    if gpu_sleeps() and not wake:
        return Build(True, why_not="not asked, for a GPU sleeps; --wake asks")
    try:
        found = find_abilities(Serving(server))
    except TargetError as error:
        if server is not None:
            raise
        return Build(False, why_not=str(error))  # the meters can be told all the same
    return Build(True, found.gpu, "" if found.gpu else f"none: {found.no_gpu_reason}")
