"""Whether the setting of a profile still wins: measured anew against the default, here and now."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from llamawatt.app.machine_record import key_here
from llamawatt.app.profiles.profile import Profile, read_profile
from llamawatt.app.serving import Serving
from llamawatt.core.errors import UsageError
from llamawatt.core.trials import FactorValue
from llamawatt.tune.record import Asked
from llamawatt.tune.running import Tuned, TuneObserver, TuneOrder, tune
from llamawatt.tune.search.space import Knob, Space
from llamawatt.tune.setup.preparing import Prepared

PLACES = frozenset({"device", "fit", "n_parallel", "n_ctx", "n_gpu_layers"})
"""Settings that are not held against the default as knobs of their own."""


def check(order: TuneOrder, path: Path, observer: TuneObserver) -> Tuned:
    """Hold the setting of a profile against the default it was tuned against.

    Args:
        order: The budget, the meters and where to write; the rest is the profile's.
        path: The profile.
        observer: Hears of it.

    Raises:
        UsageError: the profile names the default itself.
        LlamawattError: as `tune`.
    """
    profile = read_profile(path)
    asked = Asked(
        objective=profile.objective,
        requirements=profile.requirements,
        budget_s=order.asked.budget_s,
        n_streams=profile.n_streams,
        models=(str(profile.model_path()),),
        suites=profile.suites,
        server=profile.server,
    )
    serving = Serving(Path(profile.server)) if profile.server else Serving()
    order = replace(order, asked=asked, serving=serving)
    tuned = tune(order, observer, _narrowed(profile))
    if profile.machine_key and _key(tuned) != profile.machine_key:
        note = f"The profile was tuned on another machine ({profile.machine}); it was checked here."
        found = replace(tuned.found, notes=(*tuned.found.notes, note))
        return replace(tuned, record=tuned.record.with_found(found))
    return tuned


def _key(tuned: Tuned) -> str:
    return key_here(tuned.machine.gpus, tuned.machine.domains)


def _narrowed(profile: Profile) -> Callable[[Prepared], Prepared]:
    def narrow(ready: Prepared) -> Prepared:
        knobs = knobs_between(profile)
        kept = {knob.name for knob in knobs}
        fixed = {k: v for k, v in profile.default.items() if k not in {*kept, *PLACES}}
        bench = replace(ready.bench, fixed={**ready.bench.fixed, **fixed})
        plain = Space(knobs)
        space = Space(knobs, lambda setting: bench.refuse(plain, setting))
        rival = space.setting({knob.name: _other(knob) for knob in knobs})
        return replace(ready, space=space, bench=bench, rival=rival)

    return narrow


def knobs_between(profile: Profile) -> tuple[Knob, ...]:
    """Return what differs between a profile's setting and its default.

    Raises:
        UsageError: nothing does.
    """
    names = [*profile.settings, *(name for name in profile.default if name not in profile.settings)]
    knobs = []
    for name in names:
        ours, plain = profile.settings.get(name), profile.default.get(name)
        if name == "n_gpu_layers":
            ours, plain = _whole(ours), _whole(plain)
        elif name in PLACES:
            continue
        if ours != plain:
            knobs.append(Knob(name, (plain, ours), plain))
    if not knobs:
        raise UsageError(
            "The profile names the default itself: there is nothing to hold against it.",
            "Tune again if the machine or the load has changed: `llamawatt tune`.",
        )
    return tuple(knobs)


def _whole(value: FactorValue) -> int:
    return value if isinstance(value, int) else 0


def _other(knob: Knob) -> FactorValue:
    return next(value for value in knob.values if value != knob.default)
