"""What a user may set once for all: prices, carbon, a battery, the CPU's watts, where things are.

Each is one value here. The configuration file, the environment, `--assume` and `llamawatt config`
read this list.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from llamawatt.core.errors import UsageError
from llamawatt.core.suggest import meant

Value = float | str


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        key: Its name in the configuration file.
        meaning: What it is, in one sentence.
        example: A value, as it is typed.
        read: From what was typed to a value; raises ValueError with what is wanted.
        is_assumption: Whether figures are worked out with it, so that `--assume` takes it.
    """

    key: str
    meaning: str
    example: str
    read: Callable[[str], Value]
    is_assumption: bool = False

    @property
    def variable(self) -> str:
        """Name of its environment variable."""
        return f"LLAMAWATT_{self.key.upper()}"

    def value(self, typed: object, where: str) -> Value:
        """Read a value.

        Raises:
            UsageError: it is not possible.
        """
        text = str(typed).strip() if not isinstance(typed, bool) else ""
        try:
            return self.read(text)
        except ValueError as error:
            raise UsageError(
                f"{where}: {self.key} is {typed!r}, but it must be {error}.",
                f"Write it as {self.key} = {self.example}.",
            ) from error


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < 1e12:
        raise ValueError("a number above zero")
    return number


def _pattern(pattern: str, wanted: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(wanted)
        return text

    return read


_currency = _pattern(r"[^\W\d_]{1,5}|[$€£¥₹₩¤]", "a currency, as EUR or $")
_url = _pattern(r"https?://\S+", "an address that begins with http:// or https://")
_path = _pattern(r"[^\0\n]+", "a path")
_name = _pattern(r"[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable, not a key")

SETTINGS: dict[str, Setting] = {
    setting.key: setting
    for setting in (
        Setting("price_per_kwh", "Price of a kilowatt-hour.", "0.30", _positive, True),
        Setting("currency", "Currency of the price.", "EUR", _currency, True),
        Setting("carbon_g_per_kwh", "Grams of CO2e that a kilowatt-hour emits.", "380", _positive,
                True),
        Setting("battery_wh", "Watt-hours that a full battery holds.", "50", _positive, True),
        Setting("cpu_idle_w", "Idle watts of the CPU, for its estimate.", "8", _positive),
        Setting("cpu_max_w", "Full-load watts of the CPU, for its estimate.", "65", _positive),
        Setting("wall", "Address of a plug or sensor at the wall.", "http://192.168.1.50", _url),
        Setting("server", "Path of your own llama-server.", "/usr/local/bin/llama-server", _path),
        Setting("api_key_name", "Environment variable that holds the key of a server at --url.",
                "MY_API_KEY", _name),
    )
}  # fmt: skip
"""Every setting, in the order in which they are shown."""

NO_CURRENCY = "¤"
"""Stands where a price is set and no currency: the sign for any currency."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What figures are worked out with besides what was measured.

    Attributes:
        numbers: By name, as `price_per_kwh`; what is not set is absent, and so are its metrics.
        currency: Of the price.
    """

    numbers: Mapping[str, float] = field(default_factory=dict)
    currency: str = NO_CURRENCY


NOTHING_ASSUMED = Assumptions()


def assumptions(values: Mapping[str, Value]) -> Assumptions:
    """Pick what figures are worked out with from all that is set."""
    picked = {key: value for key, value in values.items() if SETTINGS[key].is_assumption}
    numbers = {key: value for key, value in picked.items() if isinstance(value, float)}
    return Assumptions(numbers, str(picked.get("currency", NO_CURRENCY)))


def setting_of(key: str, where: str, known: Iterable[str] = SETTINGS) -> Setting:
    """Return a setting by name.

    Raises:
        UsageError: there is none of that name, with the nearest.
    """
    listed = tuple(known)
    if key in listed:
        return SETTINGS[key]
    near = next((name for name in listed if key and name.startswith(key)), "")
    hint = f"Did you mean {near}? " if near else meant(key, listed)
    raise UsageError(
        f"{where}: {key!r} is not a setting.", f"{hint}There are: {', '.join(listed)}."
    )


def typed_pairs(pairs: Iterable[str], where: str, known: Iterable[str]) -> dict[str, Value]:
    """Read `name=value` pairs.

    Raises:
        UsageError: a pair has no name or value, the name is unknown, or the value not possible.
    """
    values = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise UsageError(f"{where}: {pair!r} sets nothing.", "Write it as price_per_kwh=0.30.")
        setting = setting_of(key.strip().replace("-", "_"), where, known)
        values[setting.key] = setting.value(text, where)
    return values
