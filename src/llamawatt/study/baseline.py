"""The study behind `llamawatt bench`: the baseline, shortened or narrowed as asked."""

from collections.abc import Mapping

from llamawatt.core.errors import UsageError
from llamawatt.core.plan import BASELINE
from llamawatt.study.load import load_study
from llamawatt.study.spec import Device, GroupSpec, ProtocolSpec, StudySpec, Value

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
    device: str,
    suites: tuple[str, ...],
    settings: Mapping[str, Value],
    quick: bool,
    seed: int | None,
    budget_s: float | None,
) -> StudySpec:
    """Return the study of a bench.

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
        changes["suites"] = suites or QUICK_SUITES
    return spec.model_copy(update=changes)


def _devices(word: str) -> tuple[Device, ...]:
    if word == "all":
        return (Device.CPU, Device.GPU)
    if word in {Device.CPU.value, Device.GPU.value}:
        return (Device(word),)
    raise UsageError(f"There is no device {word!r}.", "Name cpu, gpu or all.")
