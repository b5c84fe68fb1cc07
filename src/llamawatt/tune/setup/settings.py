"""From a point of the space to what a server is started with, and to a name for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from llamawatt.core.plan import ArmRecord
from llamawatt.core.trials import FactorValue
from llamawatt.study.arms import Arm
from llamawatt.targets.spec import TargetSpec, make_spec
from llamawatt.tune.search.space import Setting, Space
from llamawatt.tune.setup.memory import Need, Shape, need, why_too_large

DEFAULT_NAME = "default"
GROUP = "tune"
MOST_CHARACTERS = 120
"""Of a name: files are named after it."""
SYSTEM_KNOBS = frozenset({"cpu_governor", "gpu_power_limit_w"})
"""Knobs of the machine itself, which no server is started with."""
NO_ATTENTION = "a quantized cache needs flash attention"


@dataclass(frozen=True, slots=True)
class Bench:
    """What all settings of a search share.

    Attributes:
        shapes: The models, by name.
        fixed: Settings that stay as they are; the load's streams and context among them.
        free_bytes: Memory that is free, by `cpu` and `gpu`.
        allowed_bytes: What the user allows; None without a bound.
        has_gpu: Whether the llama.cpp at hand can use a GPU.
    """

    shapes: Mapping[str, Shape]
    fixed: Mapping[str, FactorValue]
    free_bytes: Mapping[str, float]
    allowed_bytes: float | None = None
    has_gpu: bool = False

    def shape(self, setting: Setting) -> Shape:
        """Return the model of a setting."""
        name = setting.as_dict().get("model")
        return self.shapes[str(name)] if name else next(iter(self.shapes.values()))

    def spec(self, space: Space, setting: Setting) -> TargetSpec:
        """Return what a setting's server is started with; defaults are left to llama.cpp."""
        return make_spec({**self._place(setting), **self.fixed, **_named(space, setting)})

    def need(self, space: Space, setting: Setting) -> Need:
        """Return the memory that a setting takes."""
        return need(self.shape(setting), self.spec(space, setting))

    def refuse(self, space: Space, setting: Setting) -> str:
        """Say why a setting cannot run here; empty when it can."""
        given = setting.as_dict()
        spec = self.spec(space, setting)
        if (spec.n_ubatch or 0) > (spec.n_batch or 2048):
            return "n_ubatch is larger than n_batch"
        if spec.flash_attn == "off" and spec.cache_type_v not in {None, "f16", "f32", "bf16"}:
            return NO_ATTENTION
        if given.get("n_gpu_layers") == 0 and given.get("n_cpu_moe"):
            return "experts are on the CPU anyway"
        wanted = need(self.shape(setting), spec)
        if self.allowed_bytes is not None and wanted.total_gb * 1e9 > self.allowed_bytes:
            allowed = f"{self.allowed_bytes / 1e9:g} GB"
            return f"it takes {wanted.total_gb:.1f} GB, and {allowed} are allowed"
        return why_too_large(wanted, self.free_bytes)

    def arm(self, space: Space, setting: Setting) -> Arm:
        """Return the arm of a setting."""
        shape, spec = self.shape(setting), self.spec(space, setting)
        record = ArmRecord(
            name=name_of(space, setting),
            group=GROUP,
            device=_device(shape, spec),
            model=shape.record.name,
            factors=setting.as_dict(),
            spec=spec.settings(),
        )
        return Arm(record, spec, ())

    def _place(self, setting: Setting) -> dict[str, FactorValue]:
        """Say where it computes: exactly what is chosen, so that llama.cpp fits nothing itself."""
        if not self.has_gpu:
            return {"device": "none", "n_gpu_layers": 0}
        every = self.shape(setting).n_layers + 1
        chosen = setting.as_dict().get("n_gpu_layers", every)
        if not chosen:
            return {"device": "none", "n_gpu_layers": 0}
        whole = min(int(chosen), every) if isinstance(chosen, int | str) else every
        return {"n_gpu_layers": whole, "fit": "off"}


def _named(space: Space, setting: Setting) -> dict[str, FactorValue]:
    """Return the knobs that are turned, under llama.cpp's names."""
    turned: dict[str, FactorValue] = {}
    for name, value in space.changes(setting).items():
        if name in {"model", "n_gpu_layers", *SYSTEM_KNOBS}:
            continue
        names = ("cache_type_k", "cache_type_v") if name == "cache_type" else (name,)
        turned.update(dict.fromkeys(names, value))
    return turned


def name_of(space: Space, setting: Setting) -> str:
    """Return a setting's name: what differs from the default."""
    changes = space.changes(setting)
    if not changes:
        return DEFAULT_NAME
    whole = " ".join(f"{name}={_word(value)}" for name, value in changes.items())
    if len(whole) <= MOST_CHARACTERS:
        return whole
    return f"{whole[:MOST_CHARACTERS]}… {sha256(whole.encode()).hexdigest()[:8]}"


def _word(value: FactorValue) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value in {None, ""} else str(value)


def _device(shape: Shape, spec: TargetSpec) -> str:
    if spec.device == "none":
        return "cpu"
    whole = spec.n_gpu_layers is None or spec.n_gpu_layers > shape.n_layers
    return "gpu" if whole and not spec.n_cpu_moe else "hybrid"
