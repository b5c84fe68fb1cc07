"""Reads what a user asks a tuner for, and refuses what cannot be meant."""

from llamawatt.core.errors import UsageError
from llamawatt.core.trials import FactorValue
from llamawatt.targets.spec import make_spec
from llamawatt.tune.record import Asked
from llamawatt.tune.setup.preparing import require_budget, wanted_of

NOT_TUNED = {"n_parallel": "--streams", "device": "--set n_gpu_layers=0"}
"""Settings that are said in another way."""


def require_meant(asked: Asked) -> Asked:
    """Check what is asked for before anything is fetched or started, and return it.

    Raises:
        UsageError: the objective, a requirement, the budget, a knob or a setting does not hold.
        SpecError: a fixed setting is unknown or has a value that does not hold.
    """
    for name, instead in NOT_TUNED.items():
        if name in asked.fixed:
            raise UsageError(f"{name} is not set here.", f"Use {instead}.")
    make_spec(asked.fixed)
    wanted_of(asked)
    require_budget(asked.budget_s)
    return asked


def varied(vary: tuple[str, ...]) -> tuple[tuple[str, ...], dict[str, tuple[FactorValue, ...]]]:
    """Read which knobs may be turned, and between which values, as `n_threads=1,2,4`."""
    names, values = [], {}
    for text in vary:
        name, equals, listed = text.partition("=")
        name = name.strip().replace("-", "_")
        names.append(name)
        if equals:
            values[name] = tuple(_value(each) for each in listed.split(",") if each.strip())
    return tuple(dict.fromkeys(names)), values


def _value(text: str) -> FactorValue:
    word = text.strip()
    if word.lower() in {"true", "false"}:
        return word.lower() == "true"
    return int(word) if word.lstrip("-").isdigit() else word
