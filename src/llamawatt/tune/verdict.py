"""From a search, finished or broken off, to what is written down and told."""

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from llamawatt.tune.record import EffectRecord, Found, PayBack, Tried
from llamawatt.tune.search.decide import Answer, Outcome
from llamawatt.tune.search.effects import effects
from llamawatt.tune.search.explore import Explored, Wanted
from llamawatt.tune.search.measured import Measured, Stage
from llamawatt.tune.search.robust import centre
from llamawatt.tune.search.space import Setting
from llamawatt.tune.setup.preparing import Prepared
from llamawatt.tune.setup.settings import SYSTEM_KNOBS, name_of

INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Standing:
    """The best so far.

    Attributes:
        setting: The setting.
        ratio: Its objective over the default's, as measured so far; None without the default.
    """

    setting: Setting
    ratio: float | None


def standing(wanted: Wanted, windows: Sequence[Measured], default: Setting) -> Standing | None:
    """Return the best setting so far by its own windows; None when nothing holds yet."""
    losses: dict[Setting, list[float]] = defaultdict(list)
    held: dict[Setting, list[bool]] = defaultdict(list)
    for each in windows:
        loss = wanted.loss(each)
        held[each.setting].append(wanted.holds(each))
        if loss is not None and each.stage is not Stage.ALONE:
            losses[each.setting].append(loss)
    told = {setting: centre(values).mean for setting, values in losses.items()}
    fit = [setting for setting in told if 2 * sum(held[setting]) > len(held[setting])]
    if not fit:
        return None
    best = min(fit, key=lambda setting: told[setting])
    return Standing(best, math.exp(told[best] - told[default]) if default in told else None)


def conclude(ready: Prepared, outcome: Outcome, windows: Sequence[Measured], seed: int) -> Found:
    """Return what a finished search found."""
    space, winner = ready.space, outcome.winner
    base = _common(ready, windows, outcome.explored, seed)
    misses = nearest_misses(ready, windows) if outcome.answer is Answer.NOTHING_FITS else ()
    base = replace(base, notes=(*base.notes, *_system_notes(ready, winner)))
    return replace(
        base,
        answer=outcome.answer.value,
        winner=None if winner is None else winner.as_dict(),
        winner_name="" if winner is None else name_of(space, winner),
        arm_spec={} if winner is None else ready.bench.spec(space, winner).settings(),
        model="" if winner is None else ready.bench.shape(winner).record.name,
        ratio=outcome.ratio,
        low=outcome.low,
        high=outcome.high,
        n_rounds=outcome.n_rounds,
        equals=tuple(name_of(space, each) for each in outcome.equals),
        miss=misses,
        pay_back=_pay_back(windows, outcome),
        batching=_batching(ready, windows),
    )


def _system_notes(ready: Prepared, winner: Setting | None) -> tuple[str, ...]:
    """Say which settings of the machine a winner needs, since no server's command sets them."""
    changes = {} if winner is None else ready.space.changes(winner)
    turned = ", ".join(f"{name}={value}" for name, value in changes.items() if name in SYSTEM_KNOBS)
    if not turned:
        return ()
    return (
        f"The winner needs the machine itself set: {turned}. It was put back; set it yourself.",
    )


def broken_off(ready: Prepared, windows: Sequence[Measured], seed: int) -> Found:
    """Return the best so far of a search that was broken off; no interval holds for it."""
    best = standing(ready.wanted, windows, ready.space.default())
    base = _common(ready, windows, Explored(list(windows)), seed)
    if best is None:
        return base
    return replace(
        base,
        winner=best.setting.as_dict(),
        winner_name=name_of(ready.space, best.setting),
        arm_spec=ready.bench.spec(ready.space, best.setting).settings(),
        model=ready.bench.shape(best.setting).record.name,
        ratio=best.ratio,
    )


def nearest_misses(ready: Prepared, windows: Sequence[Measured]) -> tuple[str, ...]:
    """Say of each requirement that was broken how close the closest setting came."""
    said = []
    for requirement in ready.wanted.requirements:
        known = [each for each in windows if requirement.measure in each.values]
        if not known:
            said.append(f"{requirement}: {requirement.measure} could not be measured")
            continue
        closest = min(known, key=lambda each: requirement.excess(each.values[requirement.measure]))
        value = closest.values[requirement.measure]
        name = name_of(ready.space, closest.setting)
        if requirement.holds(value):
            said.append(f"{requirement} holds for {name} ({value:.4g}), but not all at once")
        else:
            said.append(f"{requirement}: {name} comes closest, with {value:.4g}")
    if not ready.wanted.requirements:
        failures = [each.failure for each in windows if each.failure]
        said += [f"no setting ran; the last said: {failures[-1]}"] if failures else []
    return tuple(said)


def _common(ready: Prepared, windows: Sequence[Measured], explored: Explored, seed: int) -> Found:
    told = effects(ready.space, ready.wanted, explored, seed)
    return Found(
        answer=INTERRUPTED,
        tried=tried(ready, windows),
        effects=tuple(EffectRecord(**asdict(each)) for each in told),
        n_windows=len(windows),
        spent_s=sum(each.took_s for each in windows),
        notes=_notes(ready, windows),
    )


def _notes(ready: Prepared, windows: Sequence[Measured]) -> tuple[str, ...]:
    supplies = {each.supply for each in windows if each.supply}
    if len(supplies) < 2:
        return ready.notes
    text = (
        "The machine was plugged in or unplugged during the search: windows before and after "
        "were not compared with each other."
    )
    return (*ready.notes, text)


def tried(ready: Prepared, windows: Sequence[Measured]) -> tuple[Tried, ...]:
    """Return every setting that was tried, with the medians of its figures."""
    groups: dict[Setting, list[Measured]] = defaultdict(list)
    for each in windows:
        if each.stage is not Stage.ALONE:
            groups[each.setting].append(each)
    return tuple(_tried(ready, setting, own) for setting, own in groups.items())


def _tried(ready: Prepared, setting: Setting, own: Sequence[Measured]) -> Tried:
    columns: dict[str, list[float]] = defaultdict(list)
    for each in own:
        for name, value in each.values.items():
            columns[name].append(value)
    return Tried(
        name=name_of(ready.space, setting),
        setting=setting.as_dict(),
        n_windows=len(own),
        values={name: statistics.median(values) for name, values in columns.items()},
        failure=own[-1].failure,
        holds=2 * sum(ready.wanted.holds(each) for each in own) > len(own),
    )


def _pay_back(windows: Sequence[Measured], outcome: Outcome) -> PayBack | None:
    """Return when the search's own joules have come back, by the pairs that confirmed it."""
    spent = [each.energy_j for each in windows]
    known = [each for each in spent if each is not None]
    if not known or len(known) < len(spent):
        return None
    gaps = [
        other.values["energy_j"] - one.values["energy_j"]
        for one, other in outcome.confirmed
        if "energy_j" in one.values and "energy_j" in other.values
    ]
    if outcome.answer is not Answer.BETTER or not gaps:
        return PayBack(sum(known))
    saved = centre(gaps).mean
    return PayBack(sum(known), saved, sum(known) / saved if saved > 0 else None)


def _batching(ready: Prepared, windows: Sequence[Measured]) -> float | None:
    """Return the default at the asked streams over the default with one, of the objective."""
    alone = [each for each in windows if each.stage is Stage.ALONE]
    default = ready.space.default()
    together = [
        each for each in windows if each.setting == default and each.stage is Stage.CONFIRM
    ] or [each for each in windows if each.setting == default and each.stage is Stage.RACE]
    losses = [_losses(ready.wanted, each) for each in (together, alone)]
    if not all(losses):
        return None
    return math.exp(centre(losses[0]).mean - centre(losses[1]).mean)


def _losses(wanted: Wanted, windows: Sequence[Measured]) -> list[float]:
    return [loss for each in windows if (loss := wanted.loss(each)) is not None]


def figures(windows: Sequence[Measured], setting: Setting) -> Mapping[str, float]:
    """Return the medians of a setting's figures in the deciding windows, else in all."""
    own = [each for each in windows if each.setting == setting and each.values]
    late = [each for each in own if each.stage in {Stage.RACE, Stage.CONFIRM}] or own
    names = {name for each in late for name in each.values}
    return {
        name: statistics.median(each.values[name] for each in late if name in each.values)
        for name in sorted(names)
    }
