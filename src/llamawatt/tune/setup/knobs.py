"""The knobs that can matter here: chosen by machine, model, load and prompts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from llamawatt.core.errors import UsageError
from llamawatt.core.suggest import meant
from llamawatt.core.trials import FactorValue
from llamawatt.tune.search.space import Knob, Scope
from llamawatt.tune.setup.here import Here
from llamawatt.tune.setup.memory import Shape

TOKENS_PER_CHARACTER = 0.5
"""More than any text has: knobs that cut prompts matter only for longer ones."""
DEFAULT_BATCH, DEFAULT_UBATCH = 2048, 512
PASSIVE, SHORT_SPIN = "OMP_WAIT_POLICY=PASSIVE", "GOMP_SPINCOUNT=1000"
FEW_SAMPLERS = "top_k;temperature"
CHANGES_TEXT: Mapping[str, str] = {
    "cache_type": "a quantized cache rounds what the model remembers",
    "samplers": "fewer samplers draw other words",
    "model": "fewer bits a weight round the model itself",
}
"""Knobs that change what is answered, and how; the report says so where one is turned."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the user will ask of the server.

    Attributes:
        n_streams: Requests at once.
        n_prompt_max: Characters of the longest prompt.
        n_context: Tokens of context of all streams together.
        models: Models that compete, the reference first.
        kld_bounded: Whether the user bounds the divergence: then coarser caches may compete.
    """

    n_streams: int
    n_prompt_max: int
    n_context: int
    models: tuple[Shape, ...]
    kld_bounded: bool = False

    @property
    def n_prompt_tokens(self) -> float:
        """Upper estimate of the prompt tokens that may be waiting at once."""
        return max(1.0, TOKENS_PER_CHARACTER * self.n_prompt_max * self.n_streams)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user says of the space.

    Attributes:
        fixed: Settings that stay as they are, by name.
        only: Knobs that may be turned; all that matter when empty.
        values: Values of a knob in place of ours, by name.
    """

    fixed: Mapping[str, FactorValue] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    values: Mapping[str, tuple[FactorValue, ...]] = field(default_factory=dict)


def knobs_for(here: Here, load: Load, choice: Choice) -> tuple[Knob, ...]:
    """Return the knobs that can matter, each with its values here.

    Raises:
        UsageError: a knob is named that cannot be turned here.
    """
    found = {name: knob for name, knob in _all(here, load) if knob is not None}
    for name in (*choice.only, *choice.values):
        if name not in KNOBS:
            raise UsageError(
                f"{name!r} is not a knob.", f"{meant(name, KNOBS)}Known are {', '.join(KNOBS)}."
            )
        if name not in found:
            raise UsageError(f"The knob {name} does not matter here: {WITHOUT[name]}.")
    kept = [
        _with_values(knob, choice.values.get(name))
        for name, knob in found.items()
        if not _is_fixed(name, choice.fixed) and (not choice.only or name in choice.only)
    ]
    if not kept:
        raise UsageError("Every setting that could be tuned is fixed.", "Leave at least one open.")
    return tuple(kept)


def _is_fixed(name: str, fixed: Mapping[str, FactorValue]) -> bool:
    belongs = {"cache_type": ("cache_type_k", "cache_type_v"), "n_gpu_layers": ("device",)}
    return any(each in fixed for each in (name, *belongs.get(name, ())))


def _with_values(knob: Knob, values: tuple[FactorValue, ...] | None) -> Knob:
    if values is None:
        return knob
    every = tuple(dict.fromkeys((*values, knob.default)))
    if len(every) < 2:
        raise UsageError(f"The knob {knob.name} has one value only.", "Give two or more.")
    return Knob(knob.name, every, knob.default, knob.scope)


def _all(here: Here, load: Load) -> Iterable[tuple[str, Knob | None]]:
    return ((name, make(here, load)) for name, make in KNOBS.items())


def _steps(values: Iterable[int], most: int) -> tuple[int, ...]:
    return tuple(sorted({value for value in values if 1 <= value <= most}))


def _knob(
    name: str, values: Sequence[FactorValue], default: FactorValue, scope: Scope = Scope.SERVER
) -> Knob | None:
    """Return a knob; None where there is nothing to choose."""
    return Knob(name, tuple(values), default, scope) if len(values) > 1 else None


def _threads(name: str) -> Callable[[Here, Load], Knob | None]:
    def make(here: Here, load: Load) -> Knob | None:  # noqa: ARG001  # one signature for all
        default = here.n_performance or here.n_physical
        steps = (1, 2, 4, default // 2, default - 1, default, here.n_physical, here.n_logical)
        return _knob(name, _steps(steps, here.n_logical), default)

    return make


def _model(here: Here, load: Load) -> Knob | None:  # noqa: ARG001
    names = [shape.record.name for shape in load.models]
    return _knob("model", names, names[0], Scope.MODEL)


def _layers(here: Here, load: Load) -> Knob | None:
    if here.gpu_memory_bytes is None:
        return None
    every = max(shape.n_layers for shape in load.models) + 1
    parts = (0, every // 4, every // 2, 3 * every // 4, every - 1, every)
    return _knob("n_gpu_layers", sorted(set(parts)), every)


def _experts(here: Here, load: Load) -> Knob | None:
    n_layers = max((s.n_layers for s in load.models if s.n_experts), default=0)
    if here.gpu_memory_bytes is None or not n_layers:
        return None
    return _knob("n_cpu_moe", sorted({0, n_layers // 2, n_layers}), 0)


def _batch(here: Here, load: Load) -> Knob | None:  # noqa: ARG001
    matters = load.n_prompt_tokens > 512
    return _knob("n_batch", (512, DEFAULT_BATCH), DEFAULT_BATCH) if matters else None


def _ubatch(here: Here, load: Load) -> Knob | None:
    most = load.n_prompt_tokens
    sizes = [64, 128, 256, DEFAULT_UBATCH]
    sizes += [2048] if here.gpu_memory_bytes is not None and most > 1024 else []
    below = [size for size in sizes if size < most]
    return _knob("n_ubatch", sorted({*below[-3:], DEFAULT_UBATCH}), DEFAULT_UBATCH)


def _flash(here: Here, load: Load) -> Knob | None:  # noqa: ARG001
    return _knob("flash_attn", ("auto", "off"), "auto")


def _cache(here: Here, load: Load) -> Knob | None:  # noqa: ARG001
    coarser = ("q4_0",) if load.kld_bounded else ()
    return _knob("cache_type", ("f16", "q8_0", *coarser), "f16")


def _unified(here: Here, load: Load) -> Knob | None:  # noqa: ARG001
    return _knob("kv_unified", (False, True), False) if load.n_streams > 1 else None


def _servers(here: Here, load: Load) -> Knob | None:  # noqa: ARG001
    n = load.n_streams
    counts = [each for each in (2, 4) if n % each == 0 and n >= 2 * each]
    return _knob("n_servers", (1, *counts), 1)


def _env(here: Here, load: Load) -> Knob | None:  # noqa: ARG001
    return _knob("env", ("", PASSIVE, SHORT_SPIN), "") if here.openmp else None


def _mask(here: Here, load: Load) -> Knob | None:  # noqa: ARG001
    masks = [mask for mask in (here.performance_mask, here.efficiency_mask) if mask]
    return _knob("cpu_mask", ("", *masks), "")


def _samplers(here: Here, load: Load) -> Knob | None:  # noqa: ARG001
    if load.n_streams < 8:  # a stream alone hardly notices what its sampler takes
        return None
    return _knob("samplers", ("", FEW_SAMPLERS), "", Scope.REQUEST)


def _speculation(here: Here, load: Load) -> Knob | None:  # noqa: ARG001
    return _knob("spec_type", ("", "ngram-simple"), "") if load.n_streams == 1 else None


KNOBS: Mapping[str, Callable[[Here, Load], Knob | None]] = {
    "model": _model,
    "n_gpu_layers": _layers,
    "n_cpu_moe": _experts,
    "n_threads": _threads("n_threads"),
    "n_threads_batch": _threads("n_threads_batch"),
    "cpu_mask": _mask,
    "env": _env,
    "n_servers": _servers,
    "n_batch": _batch,
    "n_ubatch": _ubatch,
    "flash_attn": _flash,
    "cache_type": _cache,
    "kv_unified": _unified,
    "spec_type": _speculation,
    "samplers": _samplers,
}
"""Every knob, by name: from machine and load to its values; None where it cannot matter."""
_ONE_CORE = "there is one core only"
_NO_GPU = "llama.cpp sees no GPU here"
WITHOUT: Mapping[str, str] = {
    "model": "one model is named",
    "n_gpu_layers": _NO_GPU,
    "n_cpu_moe": f"the model has no experts, or {_NO_GPU}",
    "n_threads": _ONE_CORE,
    "n_threads_batch": _ONE_CORE,
    "cpu_mask": "all cores are alike",
    "env": "this llama.cpp does not use OpenMP",
    "n_servers": "there are too few streams to share",
    "n_batch": "the prompts are short",
    "n_ubatch": "the prompts are short",
    "flash_attn": "it has one value",
    "cache_type": "it has one value",
    "kv_unified": "there is one stream only",
    "spec_type": "there is more than one stream",
    "samplers": "there are fewer than eight streams",
}
"""Why a knob is left out where it is."""
