"""From what a user asks for to a search that is ready: models, prompts, knobs, memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from llamawatt.app.assemble import find_abilities
from llamawatt.app.serving import Serving
from llamawatt.app.sources import DEFAULT_MODEL, Progress, find_models
from llamawatt.app.system.controls import Machine
from llamawatt.core.errors import ModelError, UsageError
from llamawatt.core.machine import Gpu
from llamawatt.core.plan import SuiteRecord
from llamawatt.core.trials import FactorValue
from llamawatt.models.fetch.catalog import resolve_model
from llamawatt.study.arms import CONTEXT_TOKENS
from llamawatt.study.plan import ModelSource, SuiteSource
from llamawatt.targets.dialects import Ask
from llamawatt.tune.record import Asked
from llamawatt.tune.search.explore import Wanted
from llamawatt.tune.search.objective import Objective, parse_requirement
from llamawatt.tune.search.space import Knob, Scope, Setting, Space
from llamawatt.tune.setup.here import Here, look_around
from llamawatt.tune.setup.knobs import Choice, Load, knobs_for
from llamawatt.tune.setup.memory import Shape, shape_of
from llamawatt.tune.setup.script import LONG_S, Script, make_script, tuning_protocol
from llamawatt.tune.setup.settings import Bench
from llamawatt.workloads.suite import load_suite

SUITES = ("short_dialogue", "analytical_reasoning")
"""Tuned on, unless the user names others: a short and a longer kind of reply."""
LEAST_WINDOWS = 12
"""Windows that fit into the smallest budget: a few of the default, a few others, and pairs."""
MOST_LOOKED_AT = 20_000
"""Settings of a space that are looked at for one that fits."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A search that is ready.

    Attributes:
        asked: What was asked for.
        wanted: Objective and requirements.
        space: What varies.
        bench: What all settings share.
        script: What is asked of a server.
        models: By name.
        notes: What a reader must know, in sentences.
        rival: The one setting to hold against the default; None for a search.
    """

    asked: Asked
    wanted: Wanted
    space: Space
    bench: Bench
    script: Script
    models: Mapping[str, ModelSource]
    notes: tuple[str, ...] = ()
    rival: Setting | None = None


def wanted_of(asked: Asked) -> Wanted:
    """Read objective and requirements.

    Raises:
        UsageError: one of them is unknown, or a price is needed and not known.
    """
    try:
        objective = Objective(asked.objective)
    except ValueError as error:
        known = ", ".join(each.value for each in Objective)
        raise UsageError(f"{asked.objective!r} is not an objective.", f"Choose {known}.") from error
    if objective is Objective.COST and asked.price_per_kwh is None:
        raise UsageError(
            "The objective cost needs a price.",
            "Set it: llamawatt config price_per_kwh=0.30, or --assume price_per_kwh=0.30.",
        )
    return Wanted(objective, tuple(parse_requirement(text) for text in asked.requirements))


def require_budget(budget_s: float) -> None:
    """Refuse a budget that holds too few windows for any verdict.

    Raises:
        UsageError: it is too small.
    """
    least_s = LEAST_WINDOWS * LONG_S
    if budget_s < least_s:
        raise UsageError(
            f"A budget of {budget_s:g} s is too small: {LEAST_WINDOWS} windows, the fewest that a "
            f"verdict can rest on, take {least_s:.0f} s.",
            "Give more, as --budget 20m.",
        )


def prepare(
    asked: Asked,
    serving: Serving,
    gpus: Callable[[], tuple[Gpu, ...]],
    progress: Progress | None = None,
    free_bytes: Mapping[str, float] | None = None,
    machine: Machine | None = None,
) -> Prepared:
    """Find models and prompts, and choose what may be varied here.

    Args:
        asked: What is asked for.
        serving: What serves.
        gpus: Returns the GPUs of the machine.
        progress: Hears what is fetched.
        free_bytes: Memory that was free when the search began, where it goes on.
        machine: What of the machine itself may be set; nothing when None.

    Raises:
        LlamawattError: something that the user can mend: the objective, a requirement, the budget,
            a model, a suite, a setting, or no setting that fits into the memory.
    """
    wanted = wanted_of(asked)
    require_budget(asked.budget_s)
    suites = {name: _suite(name) for name in asked.suites or SUITES}
    script = make_script(suites, tuning_protocol(asked.budget_s))
    models = find_models(asked.models, serving, progress)
    shapes = {name: _shape(each, asked, at) for at, (name, each) in enumerate(models.items())}
    abilities = find_abilities(serving)
    here = look_around(gpus() if abilities.gpu else (), usable_gpu=bool(abilities.gpu))
    load = _load(asked, wanted, suites, tuple(shapes.values()))
    choice = Choice(asked.fixed, asked.only, asked.values)
    knobs = (*knobs_for(here, load, choice), *_machine_knobs(machine))
    bench = _bench(here, load, wanted, asked, shapes)
    if free_bytes is not None:
        bench = replace(bench, free_bytes=dict(free_bytes))
    space, bench, notes = fitting(knobs, bench)
    notes = (*notes, *([script.note] if script.note else []))
    return Prepared(asked, wanted, space, bench, script, models, notes)


def _machine_knobs(machine: Machine | None) -> tuple[Knob, ...]:
    if machine is None:
        return ()
    return tuple(
        Knob(name, values, machine.today[name], Scope.SYSTEM)
        for name, values in machine.values.items()
    )


def fitting(knobs: tuple[Knob, ...], bench: Bench) -> tuple[Space, Bench, tuple[str, ...]]:
    """Return the space of what fits, its default among it.

    Where llama.cpp's own default does not fit, the setting that fits and differs least stands in
    for it, as llama.cpp itself would choose one.

    Raises:
        ModelError: no setting fits; the nearest miss is named.
    """
    plain = Space(knobs)
    why = bench.refuse(plain, plain.default())
    if not why:
        return _space(knobs, bench), bench, ()
    closest = min(
        (each for each, _ in zip(plain.settings(), range(MOST_LOOKED_AT), strict=False)
         if not bench.refuse(plain, each)),
        key=lambda each: len(plain.changes(each)),
        default=None,
    )  # fmt: skip
    if closest is None:
        raise _fits_nowhere(plain, bench)
    changes = plain.changes(closest)
    moved = tuple(replace(knob, default=closest[knob.name]) for knob in knobs)
    kept = {name: value for name, value in changes.items() if name not in {"model", "n_gpu_layers"}}
    fixed = {**bench.fixed, **_llama_names(kept)}
    said = ", ".join(f"{name}={value}" for name, value in changes.items())
    note = f"llama.cpp's own settings do not fit: {why}. The default here is {said}."
    bench = replace(bench, fixed=fixed)
    return _space(moved, bench), bench, (note,)


def _space(knobs: tuple[Knob, ...], bench: Bench) -> Space:
    plain = Space(knobs)
    return Space(knobs, lambda setting: bench.refuse(plain, setting))


def _llama_names(changes: Mapping[str, FactorValue]) -> dict[str, FactorValue]:
    found = dict(changes)
    if "cache_type" in found:
        kind = found.pop("cache_type")
        found |= {"cache_type_k": kind, "cache_type_v": kind}
    return found


def _fits_nowhere(plain: Space, bench: Bench) -> ModelError:
    looked = [each for each, _ in zip(plain.settings(), range(MOST_LOOKED_AT), strict=False)]
    least = min(looked, key=lambda each: bench.need(plain, each).total_gb)
    need = bench.need(plain, least)
    name, why = bench.shape(least).record.name, bench.refuse(plain, least)
    return ModelError(
        f"No setting of {name} fits here: the smallest ({_described(plain, least)}) takes "
        f"{need.total_gb:.1f} GB, and {why}.",
        "Take a smaller model or fewer bits a weight, a shorter context (--set n_ctx=2048), or "
        "allow more memory.",
    )


def _described(space: Space, setting: Setting) -> str:
    changes = space.changes(setting)
    return ", ".join(f"{name}={value}" for name, value in changes.items()) or "the default"


def _suite(reference: str) -> SuiteSource:
    suite = load_suite(reference)
    asks = tuple(Ask(p.id, p.content, p.n_predict) for p in suite.prompts)
    return SuiteSource(SuiteRecord(reference, suite.sha256, len(asks), suite.n_predict), asks)


def _shape(source: ModelSource, asked: Asked, at: int) -> Shape:
    reference = (asked.models or (DEFAULT_MODEL,))[at]
    path = source.path if source.path.is_file() else resolve_model(reference).path
    return shape_of(path, source.record)


def _load(
    asked: Asked, wanted: Wanted, suites: Mapping[str, SuiteSource], shapes: tuple[Shape, ...]
) -> Load:
    works = [ask for source in suites.values() for ask in source.works]
    longest = max(
        len(ask.prompt) if isinstance(ask.prompt, str) else 2 * len(ask.prompt) for ask in works
    )
    n_context = asked.fixed.get("n_ctx")
    each = CONTEXT_TOKENS
    while each < longest // 2 + max(ask.n_predict for ask in works):
        each *= 2
    return Load(
        asked.n_streams,
        longest,
        n_context if isinstance(n_context, int) else each * asked.n_streams,
        shapes,
        any(each.measure == "kld" for each in wanted.requirements),
    )


def _bench(
    here: Here, load: Load, wanted: Wanted, asked: Asked, shapes: Mapping[str, Shape]
) -> Bench:
    free: dict[str, float] = {"cpu": float(here.memory_bytes)}
    if here.gpu_memory_bytes is not None:
        free["gpu"] = float(here.gpu_memory_bytes)
    bounds = [
        1e9 * r.bound for r in wanted.requirements if r.measure == "memory_gb" and "<" in r.sign
    ]
    streams: dict[str, FactorValue] = {"n_parallel": load.n_streams, "n_ctx": load.n_context}
    return Bench(
        shapes,
        {**streams, **asked.fixed},
        free,
        min(bounds, default=None),
        has_gpu=here.gpu_memory_bytes is not None,
    )
