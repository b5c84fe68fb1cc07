"""What a tuner may vary: knobs with their values, and settings as points among them."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from llamawatt.core.trials import FactorValue


class Scope(StrEnum):
    """What has to change when a knob does, from cheap to dear."""

    REQUEST = "request"
    SERVER = "server"
    MODEL = "model"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Knob:
    """One thing that may be varied.

    Attributes:
        name: As llama.cpp names it.
        values: Its values in their natural order, the default among them.
        default: What llama.cpp takes when nothing is said.
        scope: What has to be restarted when it changes.
    """

    name: str
    values: tuple[FactorValue, ...]
    default: FactorValue
    scope: Scope = Scope.SERVER

    def __post_init__(self) -> None:
        if self.default not in self.values:
            raise ValueError(f"the default {self.default!r} of {self.name} is not among its values")
        if len(set(self.values)) != len(self.values):
            raise ValueError(f"{self.name} has a value twice")


@dataclass(frozen=True, slots=True)
class Setting:
    """One value for every knob, in the order of the space's knobs."""

    values: tuple[tuple[str, FactorValue], ...]

    def __getitem__(self, name: str) -> FactorValue:
        return dict(self.values)[name]

    def as_dict(self) -> dict[str, FactorValue]:
        """Return knob → value."""
        return dict(self.values)


Refuse = Callable[[Setting], str]
"""Returns why a setting cannot run here; empty when it can."""


def accept(setting: Setting) -> str:  # noqa: ARG001  # the signature of every `Refuse`
    """Accept every setting."""
    return ""


@dataclass(frozen=True, slots=True)
class Space:
    """All settings that a tuner may try.

    Attributes:
        knobs: What varies, each with two values or more.
        refuse: Why a setting cannot run here; asked before anything is started.
    """

    knobs: tuple[Knob, ...]
    refuse: Refuse = accept

    @property
    def n_settings(self) -> int:
        """Settings before any is refused."""
        return math.prod(len(knob.values) for knob in self.knobs)

    def default(self) -> Setting:
        """Return the setting in which every knob has llama.cpp's default."""
        return Setting(tuple((knob.name, knob.default) for knob in self.knobs))

    def setting(self, changes: Mapping[str, FactorValue]) -> Setting:
        """Return the default with some knobs changed.

        Raises:
            ValueError: a knob or a value is not of this space.
        """
        known = {knob.name: knob for knob in self.knobs}
        for name, value in changes.items():
            if name not in known or value not in known[name].values:
                raise ValueError(f"{name}={value!r} is not in the space")
        return Setting(
            tuple((knob.name, changes.get(knob.name, knob.default)) for knob in self.knobs)
        )

    def settings(self) -> Iterator[Setting]:
        """Yield every setting that is not refused."""
        names = [knob.name for knob in self.knobs]
        for values in itertools.product(*(knob.values for knob in self.knobs)):
            setting = Setting(tuple(zip(names, values, strict=True)))
            if not self.refuse(setting):
                yield setting

    def places(self, setting: Setting) -> tuple[int, ...]:
        """Return the index of each knob's value."""
        given = setting.as_dict()
        return tuple(knob.values.index(given[knob.name]) for knob in self.knobs)

    def changes(self, setting: Setting) -> dict[str, FactorValue]:
        """Return the knobs that differ from the default."""
        plain = self.default().as_dict()
        return {name: value for name, value in setting.values if value != plain[name]}
