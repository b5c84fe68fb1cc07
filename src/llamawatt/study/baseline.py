"""The study behind `llamawatt bench`: the baseline, shortened or narrowed as asked."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from llamawatt.core.errors import UsageError
from llamawatt.core.plan import BASELINE
from llamawatt.study.load import load_study
from llamawatt.study.spec import Device, GroupSpec, ProtocolSpec, StudySpec, Value

NO_SETTINGS: Mapping[str, Value] = MappingProxyType({})
QUICK = {
    "window_min_s": 2.0,
    "idle_s": 1.0,
    "cool_down_s": 1.0,
    "repeats_min": 3,
    "repeats_max": 4,
    "n_prompts": 1,
    "n_warm_up": 1,
    "phases": False,
    "runtime_idle": False,
    "settle_max_s": 5.0,
    "budget_s": 40.0,
}
"""The protocol that ends within a minute, the model's load and the report included."""
QUICK_SUITES = ("short_dialogue",)
"""Three repeats of one suite tell more than one repeat of three, which has no interval."""


def bench_study(
    *,
    device: str = "all",
    suites: Sequence[str] = (),
    settings: Mapping[str, Value] = NO_SETTINGS,
    quick: bool = False,
    seed: int | None = None,
    budget_s: float | None = None,
) -> StudySpec:
    """Return the study of a bench.

    Args:
        device: `cpu`, `gpu` or `all`.
        suites: Suites, shapes or JSONL files; the three that come along when empty.
        settings: llama.cpp's settings for every arm.
        quick: Whether it shall end within a minute, and be less sure.
        seed: Seed of every random choice; drawn when None.
        budget_s: Time budget, seconds; none when None.

    Raises:
        UsageError: the device is none of cpu, gpu and all.
    """
    spec = load_study(BASELINE)
    protocol: dict[str, object] = dict(QUICK) if quick else {}
    if budget_s is not None:
        protocol["budget_s"] = budget_s
    merged = ProtocolSpec.model_validate({**spec.protocol.model_dump(), **protocol})
    group = GroupSpec(name=BASELINE, devices=_devices(device.lower()), set=dict(settings))
    changes = {"name": "bench", "groups": (group,), "protocol": merged, "seed": seed}
    if suites or quick:
        changes["suites"] = tuple(suites) or QUICK_SUITES
    return spec.model_copy(update=changes)


def _devices(word: str) -> tuple[Device, ...]:
    if word == "all":
        return (Device.CPU, Device.GPU)
    if word in {Device.CPU.value, Device.GPU.value}:
        return (Device(word),)
    raise UsageError(f"There is no device {word!r}.", "Name cpu, gpu or all.")
