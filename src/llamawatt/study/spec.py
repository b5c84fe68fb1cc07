"""What a study file may say: models × suites × groups of arms × protocol."""

import math
from enum import StrEnum
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
)

from llamawatt.core.metrics import METRICS
from llamawatt.core.plan import CACHE, QUANTIZATION
from llamawatt.core.suggest import meant

Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][\w.+:=-]*$")]
Value = (
    StrictBool
    | StrictInt
    | StrictFloat
    | StrictStr
    | dict[StrictStr, StrictStr | StrictInt]
    | tuple[StrictStr, ...]
)
"""A setting; `env` is a mapping, `samplers` a list. `half`, `all` and `all+output` of
`n_gpu_layers` are resolved per model; `=n_batch` means "the same as this arm's n_batch"."""


def known_metric(name: str) -> str:
    """Check the name of a metric.

    Raises:
        ValueError: there is no such metric, or it needs more than a trial.
    """
    watched = [key for key, spec in METRICS.items() if not spec.needs]
    if name not in watched:
        choice = f"{meant(name, watched)}Choose among {', '.join(watched)}"
        raise ValueError(f"{name!r} is not a metric that a trial has. {choice}")
    return name


class Device(StrEnum):
    """Where an arm computes; `best` is the GPU where there is one, else the CPU."""

    CPU = "cpu"
    GPU = "gpu"
    BEST = "best"


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GroupSpec(_Spec):
    """Arms that are compared with each other.

    Attributes:
        name: Name of the comparison; the report draws `threads`, `layers`, `batch`,
            `concurrency`, `quantization` and `cache` as ablations.
        devices: Where its arms compute.
        set: Settings that all its arms share, named as llama.cpp names them.
        grid: Settings that vary; every combination is an arm.
        suites: Suites of this group; the study's own when empty.
    """

    name: Name
    devices: tuple[Device, ...] = (Device.CPU,)
    set: dict[str, Value] = Field(default_factory=dict)
    grid: dict[str, Annotated[tuple[Value, ...], Field(min_length=1)]] = Field(default_factory=dict)
    suites: tuple[str, ...] = ()

    @property
    def n_arms(self) -> int:
        """Arms of this group per model, before duplicates are merged."""
        return len(self.devices) * math.prod(len(values) for values in self.grid.values())


class ProtocolSpec(_Spec):
    """How trials are taken. Times in seconds.

    Attributes:
        window_min_s: Shortest measured window.
        periods_min: Fewest update periods of the slowest sensor in a window.
        idle_s: Length of the idle windows.
        repeats_min: Fewest repeats per arm and suite.
        repeats_max: Most repeats per arm and suite.
        half_width_target: Stop when the relative half-width of the 95 % interval is this narrow.
        primary_metric: The metric watched.
        cool_down_s: Pause between arms, used as the bare-idle window.
        cool_below_c: Also wait, at most `cool_max_s`, until devices are this cool; off when None.
        cool_max_s: Longest wait for that.
        fixed_length: Full-length replies (`ignore_eos`); natural stop otherwise.
        n_warm_up: Requests before the first window, not counted.
        n_prompts: Prompts per pass, taken in turn from the suite; all when None.
        phases: Also take prefill-only and decode-only windows.
        n_phase_prompt: Prompt tokens of a prefill window's requests.
        n_phase_generate: Tokens of a decode window's requests.
        runtime_idle: Also measure idle with the runtime up and the model unloaded.
        budget_s: Time budget; none when None. The first block is finished all the same.
        n_retries: How often a failed trial is tried again.
        n_again: How often a window that something else disturbed is measured again, while the
            budget lasts.
        settle_max_s: Longest wait before an arm's turn for idle power to settle, after a server
            that ran before or a neighbour that is busy.
    """

    window_min_s: float = Field(default=5.0, ge=0.0, le=3600)
    periods_min: int = Field(default=50, ge=1, le=10_000)
    idle_s: float = Field(default=5.0, ge=0.0, le=600)
    repeats_min: int = Field(default=3, ge=1, le=1000)
    repeats_max: int = Field(default=10, ge=1, le=1000)
    half_width_target: float = Field(default=0.03, gt=0, le=1)
    primary_metric: Annotated[str, AfterValidator(known_metric)] = "energy_j"
    cool_down_s: float = Field(default=3.0, ge=0, le=3600)
    cool_below_c: float | None = Field(default=None, ge=20, le=120)
    cool_max_s: float = Field(default=60.0, ge=0, le=3600)
    fixed_length: bool = True
    n_warm_up: int = Field(default=2, ge=0, le=100)
    n_prompts: int | None = Field(default=4, ge=1)
    phases: bool = False
    n_phase_prompt: int = Field(default=512, ge=2)
    n_phase_generate: int = Field(default=128, ge=2)
    runtime_idle: bool = False
    budget_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    n_retries: int = Field(default=1, ge=0, le=10)
    n_again: int = Field(default=2, ge=0, le=10)
    settle_max_s: float = Field(default=30.0, ge=0, le=3600)


class StudySpec(_Spec):
    """A study as a user writes it.

    Attributes:
        name: Name of the study.
        description: One sentence for `study list`.
        models: Model references; the command line's model when empty.
        suites: Suites and shapes.
        groups: Groups of arms.
        protocol: How trials are taken.
        seed: Seed of every random choice; drawn and recorded when None.
    """

    name: Name
    description: str = ""
    models: tuple[str, ...] = ()
    suites: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "short_dialogue",
        "analytical_reasoning",
        "narrative_generation",
    )
    groups: Annotated[tuple[GroupSpec, ...], Field(min_length=1)]
    protocol: ProtocolSpec = ProtocolSpec()
    seed: int | None = Field(default=None, ge=0)

    def n_arms(self, n_models: int = 1) -> int:
        """Return the arms of a study of so many models, before duplicates are merged."""
        return n_models * sum(group.n_arms for group in self.groups)

    def n_cells(self, n_models: int = 1) -> int:
        """Return the pairs of arm and suite, before duplicates are merged."""
        per_model = sum(g.n_arms * len(g.suites or self.suites) for g in self.groups)
        return n_models * per_model

    @property
    def group_names(self) -> frozenset[str]:
        """Names of the comparisons."""
        return frozenset(group.name for group in self.groups)

    @property
    def used_suites(self) -> tuple[str, ...]:
        """Every suite and shape that an arm runs, phase windows apart, in order."""
        own = (suite for group in self.groups for suite in group.suites or self.suites)
        return tuple(dict.fromkeys(own))

    @property
    def wants_gpu(self) -> bool:
        """Whether any arm may use a GPU; one that sleeps is left asleep otherwise."""
        return any(device is not Device.CPU for group in self.groups for device in group.devices)


def compares_bits(spec: StudySpec, n_models: int) -> bool:
    """Whether a study holds bit widths against each other, so that quality belongs beside joules.

    Args:
        spec: The study.
        n_models: How many models it is run with.
    """
    return n_models > 1 and QUANTIZATION in spec.group_names


def compares_caches(spec: StudySpec) -> bool:
    """Whether a study holds cache types against each other."""
    return CACHE in spec.group_names
