"""Puts a run together: the model found, the suites loaded, the machine asked, the seams closed."""

import socket
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from itertools import chain
from urllib.parse import urlsplit

import psutil

from llamawatt.app.machine_record import n_usable_cores
from llamawatt.app.serving import Serving
from llamawatt.app.sources import find_suites
from llamawatt.core.clock import SystemClock
from llamawatt.core.flags import Flag
from llamawatt.measure.instruments import Client, Rig
from llamawatt.meters.sampling.instrument import MeterBench
from llamawatt.study.arms import Abilities, Arm
from llamawatt.study.context_fit import within_context
from llamawatt.study.plan import (
    Circumstances,
    ModelSource,
    Plan,
    make_plan,
)
from llamawatt.study.recorded import RecordedStudy
from llamawatt.study.spec import StudySpec
from llamawatt.targets.base import Endpoint, Target
from llamawatt.targets.devices import gpu_devices
from llamawatt.targets.several import client_of, target_of


def now_text() -> str:
    """Return the wall-clock time, UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def find_abilities(serving: Serving, *, want_gpu: bool = True) -> Abilities:
    """Ask the machine and the llama.cpp build what they can run.

    Without `want_gpu` the build is not asked for GPUs: asking would wake one that sleeps.

    Raises:
        TargetError: the program does not run.
    """
    if serving.url:
        host = urlsplit(serving.address).hostname or ""
        return Abilities(n_usable_cores(), attached=True, elsewhere=not is_this_machine(host))
    program = serving.program()
    if not want_gpu:
        return Abilities(n_usable_cores(), no_gpu_reason="no GPU was asked for")
    devices = gpu_devices(program)
    if devices:
        return Abilities(n_usable_cores(), gpu=devices[0])
    hint = (
        "the llama.cpp that comes with llamawatt sees no GPU here; name a llama-server built for "
        "your GPU with --server"
        if program.kind == "embedded"
        else f"{program.name} sees no GPU here"
    )
    return Abilities(n_usable_cores(), no_gpu_reason=hint)


def is_this_machine(host: str) -> bool:
    """Tell whether a host name leads to an address of this machine; one that leads nowhere not."""
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    own = {each.address for each in chain.from_iterable(psutil.net_if_addrs().values())}
    return any(address in own or ip_address(address).is_loopback for address in found)


def make_study_plan(
    spec: StudySpec,
    serving: Serving,
    models: Mapping[str, ModelSource],
    boundary: tuple[str, ...],
    command: str,
) -> Plan:
    """Resolve a study on this machine.

    Raises:
        LlamawattError: as the steps above.
    """
    abilities = find_abilities(serving, want_gpu=spec.wants_gpu)
    here = Circumstances(abilities, boundary, serving.kind, command, now_text())
    return resolve(spec, models, here)


def resolve(spec: StudySpec, models: Mapping[str, ModelSource], here: Circumstances) -> Plan:
    """Resolve a study, its long prompts clipped to what the models were trained for.

    Raises:
        SpecError: a setting does not hold, no arm can run here, or two have the same name.
        UsageError: a suite is unknown or broken.
    """
    fitting, clipped = within_context(spec, [source.n_ctx_train for source in models.values()])
    suites, changed = find_suites(fitting, only_look=here.only_look)
    plan = make_plan(fitting, models, suites, here)
    looked = _not_looked_at(spec, models) if here.only_look else ()
    return replace(plan, notes=(*clipped, *looked, *changed, *plan.notes))


def _not_looked_at(spec: StudySpec, models: Mapping[str, ModelSource]) -> tuple[str, ...]:
    """Say that the models of a repeated run were not looked for."""
    if not isinstance(spec, RecordedStudy) or any(each.path.exists() for each in models.values()):
        return ()
    files = ", ".join(model.source or model.file for model in spec.record.models)
    return (f"Planned from what the run wrote down of its models; to run it needs {files}.",)


def make_rig(
    bench: MeterBench, plan: Plan, serving: Serving, circumstances: tuple[Flag, ...] = ()
) -> Rig:
    """Close the seams: real clock, real meters, real llama.cpp."""
    clock = SystemClock()

    def make_target(arm: Arm) -> Target:
        if serving.url:
            return serving.running()
        path = plan.models[arm.record.model].path
        return target_of(serving.program(), path, arm.spec, clock)

    def make_client(endpoint: Endpoint, arm: Arm) -> AbstractContextManager[Client]:
        return client_of(endpoint, arm.spec, plan.study.seed, clock)

    return Rig(clock, bench, make_target, make_client, now_text, circumstances)
