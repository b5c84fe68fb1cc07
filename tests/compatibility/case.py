"""What a system is given, and what is said to come of it: tests hold it, the docs print it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Outcome(StrEnum):
    """What a user gets."""

    WORKS = "works"
    FLAGGED = "flagged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Observed:
    """What came of an input.

    Attributes:
        outcome: What the user got.
        said: Every word that the user is told beside the figures.
        figures: The figures, by name, in SI.
    """

    outcome: Outcome
    said: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """One input of one system.

    Attributes:
        area: The table it stands in: `Logs`, `Plugs`, `Servers`, …
        system: What people have.
        given: The input, in a few words.
        outcome: What comes of it.
        observe: Does it, in an empty folder, and says what came of it.
        figures: Figures that must come out (relative tolerance 1e-6); all of them are compared.
        said: Words that the user must be told.
        note: What the page says of it beside the outcome; empty where the outcome says all.
    """

    area: str
    system: str
    given: str
    outcome: Outcome
    observe: Callable[[Path], Observed]
    figures: Mapping[str, float] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    note: str = ""

    @property
    def name(self) -> str:
        """The case as a test's name."""
        return f"{self.system}: {self.given}"
