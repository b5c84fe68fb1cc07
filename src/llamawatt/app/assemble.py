"""Puts a run together: the model found, the suites loaded, the machine asked, the seams closed."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_address
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from llamawatt.app.machine_record import n_usable_cores
from llamawatt.core.clock import SystemClock
from llamawatt.core.errors import SpecError
from llamawatt.core.flags import Flag
from llamawatt.core.plan import ModelRecord, SuiteRecord
from llamawatt.measure.instruments import Rig
from llamawatt.meters.sampling.instrument import MeterBench
from llamawatt.models.fetch.catalog import resolve_model
from llamawatt.models.gguf.inspect import inspect_model, to_record
from llamawatt.study.arms import Abilities, Arm
from llamawatt.study.context_fit import within_context
from llamawatt.study.plan import (
    Circumstances,
    ModelSource,
    Plan,
    SuiteSource,
    make_plan,
    needed_suites,
)
from llamawatt.study.spec import StudySpec
from llamawatt.targets.access import reach
from llamawatt.targets.attach import AttachedServer
from llamawatt.targets.base import Endpoint, Target
from llamawatt.targets.client import Client
from llamawatt.targets.devices import gpu_devices
from llamawatt.targets.dialects import Ask
from llamawatt.targets.launcher import (
    Program,
    ServerProcess,
    binary_program,
    embedded_program,
)
from llamawatt.workloads.suite import load_suite

DEFAULT_MODEL = "smollm2-135m"
ATTACHED_SHA256 = ""
"""The model behind somebody else's server cannot be hashed."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What serves: llama.cpp as it comes with llamawatt, the user's own, or a running server.

    Attributes:
        server: Path of the user's llama-server; None for the embedded one.
        url: URL of a running server; None to start one.
        remote_model: Model name to ask a running server for.
    """

    server: Path | None = None
    url: str | None = None
    remote_model: str = ""

    @property
    def kind(self) -> str:
        """Return `embedded`, `binary` or `attach`."""
        if self.url:
            return "attach"
        return "binary" if self.server else "embedded"

    @property
    def described(self) -> str:
        """Return what serves, for the machine record: no folder of the user's is named."""
        where = self.address or (self.server.name if self.server else "xllamacpp")
        return f"{self.kind}: {where}"

    @property
    def address(self) -> str:
        """Return the URL without what is secret in it; empty where a server is started."""
        return reach(self.url)[0] if self.url else ""

    def program(self) -> Program:
        """Return the program to start.

        Raises:
            UsageError: there is no such program.
        """
        return binary_program(self.server) if self.server else embedded_program()


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


def find_models(
    references: tuple[str, ...],
    serving: Serving,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> dict[str, ModelSource]:
    """Find, fetch and inspect the models.

    Raises:
        ModelError: one is missing, broken or cannot be had.
        SpecError: two have the same name.
        TargetError: a running server was named and does not answer.
    """
    if serving.url:
        name = AttachedServer(serving.url, serving.remote_model).start().model or "attached"
        record = ModelRecord(name, "", ATTACHED_SHA256, 0, source=serving.address)
        return {name: ModelSource(record, Path())}
    found: dict[str, ModelSource] = {}
    for reference in references or (DEFAULT_MODEL,):
        file = resolve_model(reference, progress=progress)
        facts = inspect_model(file.path)
        record = to_record(file, facts)
        if record.name in found:
            raise SpecError(f"Two models are named {record.name!r}.", "Rename one of the files.")
        found[record.name] = ModelSource(record, file.path, facts.n_ctx_train)
    return found


def find_suites(spec: StudySpec) -> dict[str, SuiteSource]:
    """Load every suite and shape of a study.

    Raises:
        UsageError: one is unknown or broken.
    """
    found = {}
    for name in needed_suites(spec):
        suite = load_suite(name)
        asks = tuple(Ask(p.id, p.content, p.n_predict) for p in suite.prompts)
        record = SuiteRecord(suite.name, suite.sha256, len(asks), suite.n_predict)
        found[name] = SuiteSource(record, asks)
    return found


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
    plan = make_plan(fitting, models, find_suites(fitting), here)
    return replace(plan, notes=(*clipped, *plan.notes))


def make_rig(
    bench: MeterBench, plan: Plan, serving: Serving, circumstances: tuple[Flag, ...] = ()
) -> Rig:
    """Close the seams: real clock, real meters, real llama.cpp."""
    clock = SystemClock()

    def make_target(arm: Arm) -> Target:
        if serving.url:
            return AttachedServer(serving.url, serving.remote_model)
        path = plan.models[arm.record.model].path
        return ServerProcess(serving.program(), path, arm.spec, clock=clock)

    def make_client(endpoint: Endpoint, arm: Arm) -> Client:
        return Client(endpoint, arm.spec.n_parallel or 1, plan.study.seed, clock)

    return Rig(clock, bench, make_target, make_client, now_text, circumstances)
