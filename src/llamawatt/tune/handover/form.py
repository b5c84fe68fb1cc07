"""What every hand-over is: a text for one program, and what it has no words for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from llamawatt.core.trials import FactorValue
from llamawatt.targets.spec import TargetSpec

PLACE = frozenset({"device", "fit"})
"""Settings that only say where our own servers compute; other programs decide it themselves."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """A setting to hand over.

    Attributes:
        name: Short name of the model.
        path: Its file.
        spec: The setting.
        n_layers: Layers of the model; None where it does not say.
    """

    name: str
    path: Path
    spec: TargetSpec
    n_layers: int | None = None

    @property
    def settings(self) -> Mapping[str, FactorValue]:
        """What is set."""
        return self.spec.settings()

    @property
    def n_streams(self) -> int:
        """Requests at once."""
        return self.spec.n_parallel or 1

    @property
    def n_context(self) -> int | None:
        """Tokens of context of one stream; None where it is llama.cpp's own."""
        return None if self.spec.n_ctx is None else self.spec.n_ctx // self.n_streams


@dataclass(frozen=True, slots=True)
class HandOver:
    """A setting for one program.

    Attributes:
        program: The program.
        file: Name of the file that it is written to.
        text: Its content.
        unmapped: Settings that the program cannot take, each with its value.
        advice: What else to do, in a sentence; empty where nothing.
    """

    program: str
    file: str
    text: str
    unmapped: tuple[str, ...] = ()
    advice: str = ""


def left_over(tuned: Tuned, mapped: Iterable[str]) -> tuple[str, ...]:
    """Return the settings that were not mapped, as `name=value`."""
    known = {*mapped, *PLACE}
    return tuple(f"{name}={value}" for name, value in tuned.settings.items() if name not in known)


def comment(unmapped: Iterable[str], mark: str = "#") -> str:
    """Return lines that say what does not map; empty where all does."""
    return "".join(f"{mark} has no counterpart here: {each}\n" for each in unmapped)
