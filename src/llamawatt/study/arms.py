"""From groups of a study to arms of this machine: words resolved, duplicates merged, gaps said."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from llamawatt.core.errors import SpecError
from llamawatt.core.plan import ArmRecord
from llamawatt.core.trials import FactorValue
from llamawatt.study.spec import Device, GroupSpec, Value
from llamawatt.targets.spec import TargetSpec, make_spec, plain

CANNOT_OFFLOAD = "a CPU arm cannot offload layers"
CONTEXT_TOKENS = 2048
"""Context per stream unless a study says otherwise: room for every built-in suite."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What this machine and target can run.

    Attributes:
        n_cores: Cores this process may use.
        gpu: Name of the GPU that the target can use; empty when it has none.
        no_gpu_reason: Why there is none, with the remedy.
        attached: Whether the target is a server that somebody else started.
        elsewhere: Whether that server runs on another machine.
    """

    n_cores: int
    gpu: str = ""
    no_gpu_reason: str = "the target sees no GPU"
    attached: bool = False
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Arm:
    """An arm that can be run.

    Attributes:
        record: What is written of it.
        spec: The target's settings.
        suites: Its own suites; the study's when empty.
        attached: Whether somebody else started its server, which then is never unloaded.
        elsewhere: Whether that server runs on another machine, which no meter here sees.
    """

    record: ArmRecord
    spec: TargetSpec
    suites: tuple[str, ...]
    attached: bool = False
    elsewhere: bool = False

    @property
    def name(self) -> str:
        """Name of the arm."""
        return self.record.name

    def sleeping_after(self, idle_s: int) -> "Arm | None":
        """Return this arm with a server that unloads its model when idle; None if attached."""
        if self.attached:
            return None
        extra = (*self.spec.extra, "--sleep-idle-seconds", str(idle_s))
        return replace(self, spec=self.spec.model_copy(update={"extra": extra}))


def expand(
    groups: tuple[GroupSpec, ...], model: str, n_layers: int | None, abilities: Abilities
) -> tuple[tuple[Arm, ...], tuple[str, ...]]:
    """Return the arms of one model, skipped ones included, and notes on what was clipped.

    Arms with the same settings are merged: the first keeps its name, and lists the other groups.

    Raises:
        SpecError: a setting is unknown, of the wrong type, or a word cannot be resolved.
    """
    merged: dict[tuple[Device, TargetSpec, str], Arm] = {}
    notes: dict[str, None] = {}
    for group in groups:
        for wanted, factors in _combinations(group):
            device = _actual(wanted, abilities)
            resolved, note = _resolve({**group.set, **factors}, n_layers, abilities)
            if note:
                notes[f"{group.name}: {note}"] = None
            varied = {key: resolved[key] for key in factors}
            arm = _arm(group, device, model, n_layers, (resolved, varied), abilities)
            place = Device.CPU if arm.record.device == "cpu" else Device.GPU
            key = (place, arm.spec, arm.record.skipped)
            merged[key] = _merge(merged[key], arm) if key in merged else arm
    return tuple(merged.values()), tuple(notes)


def _actual(wanted: Device, abilities: Abilities) -> Device:
    if wanted is not Device.BEST:
        return wanted
    return Device.GPU if abilities.gpu else Device.CPU


def _combinations(group: GroupSpec) -> Iterator[tuple[Device, dict[str, Value]]]:
    for device in group.devices:
        for values in itertools.product(*group.grid.values()):
            yield device, dict(zip(group.grid, values, strict=True))


def _resolve(
    given: Mapping[str, Value], n_layers: int | None, abilities: Abilities
) -> tuple[dict[str, FactorValue], str]:
    settings = {key: plain(key, value) for key, value in given.items()}
    resolved, note = dict(settings), ""
    for key, value in settings.items():
        if isinstance(value, str) and value.startswith("="):
            resolved[key] = _same_as(value[1:], key, settings)
    for key, value in resolved.items():
        if key == "n_gpu_layers" and isinstance(value, str):
            resolved[key] = _layers(value, n_layers)
        elif _too_many_threads(key, value, abilities):
            resolved[key] = abilities.n_cores
            note = f"{key}={value} clipped to this machine's {abilities.n_cores} cores."
    return resolved, note


def _too_many_threads(key: str, value: FactorValue, abilities: Abilities) -> bool:
    threads = key in {"n_threads", "n_threads_batch"}
    return threads and isinstance(value, int) and value > abilities.n_cores


def _layers(word: str, n_layers: int | None) -> int:
    if n_layers is None:
        raise SpecError(
            f"n_gpu_layers={word!r} needs the model's layer count, which is not known here.",
            "Name a number.",
        )
    counts = {"half": n_layers // 2, "all": n_layers, "all+output": n_layers + 1}
    if word not in counts:
        raise SpecError(f"n_gpu_layers={word!r} is no number.", f"Words are {', '.join(counts)}.")
    return counts[word]


def _same_as(other: str, key: str, settings: dict[str, FactorValue]) -> FactorValue:
    if other not in settings:
        raise SpecError(f"{key}='={other}' refers to a setting that the group does not have.")
    return settings[other]


def _offloads(settings: dict[str, FactorValue]) -> bool:
    layers = settings.get("n_gpu_layers", 0)
    return isinstance(layers, int) and layers > 0


def _arm(
    group: GroupSpec,
    device: Device,
    model: str,
    n_layers: int | None,
    settings: tuple[dict[str, FactorValue], dict[str, FactorValue]],
    abilities: Abilities,
) -> Arm:
    resolved, varied = settings
    place = "attached" if abilities.attached else device.value
    offloads = device is Device.CPU and not abilities.attached and _offloads(resolved)
    on_cpu = {"n_gpu_layers": 0} if offloads else {}
    spec = make_spec({**_defaults(device, n_layers, resolved, abilities), **resolved, **on_cpu})
    record = ArmRecord(
        name=" ".join([place, *(f"{key}={value}" for key, value in varied.items())]),
        group=group.name,
        device="" if abilities.attached else _where(device, spec, n_layers),
        model=model,
        factors={"device": place, **varied},
        spec=spec.settings(),
        skipped=CANNOT_OFFLOAD if offloads else _why_skipped(device, spec, abilities),
    )
    return Arm(record, spec, group.suites, abilities.attached, abilities.elsewhere)


def _defaults(
    device: Device, n_layers: int | None, settings: dict[str, FactorValue], abilities: Abilities
) -> dict[str, FactorValue]:
    if abilities.attached:
        return {}
    streams = settings.get("n_parallel", 1)
    n_ctx = CONTEXT_TOKENS * (streams if isinstance(streams, int) else 1)
    if device is Device.CPU:
        return {"n_ctx": n_ctx, "n_parallel": 1, "device": "none", "n_gpu_layers": 0}
    every_layer = 999 if n_layers is None else n_layers + 1
    return {"n_ctx": n_ctx, "n_parallel": 1, "n_gpu_layers": every_layer}


def _where(device: Device, spec: TargetSpec, n_layers: int | None) -> str:
    on_gpu = spec.n_gpu_layers
    if device is Device.CPU or spec.device == "none":
        return "cpu"
    # With no layer on it the GPU is open all the same, and computes long prompts.
    partial = on_gpu is not None and n_layers is not None and on_gpu <= n_layers
    return "hybrid" if partial else "gpu"


def _why_skipped(device: Device, spec: TargetSpec, abilities: Abilities) -> str:
    if abilities.attached:
        fixed = [name for name in spec.server_settings() if name != "n_parallel"]
        return f"a running server's {', '.join(fixed)} cannot be set from here" if fixed else ""
    if device is Device.GPU and not abilities.gpu:
        return abilities.no_gpu_reason
    return ""


def _merge(first: Arm, other: Arm) -> Arm:
    groups = {first.record.group, *first.record.also_in}
    if other.record.group not in groups:
        also_in = (*first.record.also_in, other.record.group)
        factors = {**first.record.factors, **other.record.factors}
        first = replace(first, record=replace(first.record, also_in=also_in, factors=factors))
    either_is_general = not first.suites or not other.suites
    suites = () if either_is_general else tuple(dict.fromkeys(first.suites + other.suites))
    return replace(first, suites=suites)
