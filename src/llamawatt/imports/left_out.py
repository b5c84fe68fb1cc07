"""What of a log was not used, counted and named."""

from collections.abc import Sequence

from llamawatt.core.errors import UsageError
from llamawatt.core.flags import Flag

MAX_SHARE = 0.5
"""A log of which more than this cannot be read is not what it was taken for."""
_N_NAMED = 3


class LeftOut:
    """A tally of lines that were not used. Filled while a log is read.

    Args:
        unit: What is counted, as `line`.
    """

    def __init__(self, unit: str = "line") -> None:
        self._unit = unit
        self._lines: dict[str, list[int]] = {}
        self._harmless: set[str] = set()

    def add(self, number: int, why: str) -> None:
        """Count a line whose content is lost.

        Args:
            number: The line, from 1.
            why: Why it was not used, so that `because …` reads on, as `it holds no power`.
        """
        self._lines.setdefault(why, []).append(number)

    def skip(self, number: int, what: str) -> None:
        """Count a line that holds nothing to lose, as `blank`, which a reader should know of."""
        self._harmless.add(what)
        self.add(number, what)

    @property
    def n_lost(self) -> int:
        """How many lines were lost."""
        lost = (lines for why, lines in self._lines.items() if why not in self._harmless)
        return sum(len(lines) for lines in lost)

    def require_most(self, where: object, n_good: int) -> None:
        """Refuse a log that is mostly unreadable.

        Args:
            where: The file, for the message.
            n_good: Lines that were read.

        Raises:
            UsageError: more lines were lost than read.
        """
        if self.n_lost and self.n_lost > MAX_SHARE * (self.n_lost + n_good):
            raise UsageError(
                f"{self.n_lost} of {self.n_lost + n_good} {self._unit}s of {where} cannot be used: "
                f"{' '.join(self.notes)}",
                "Export the log again, or name its columns.",
            )

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, a sentence for each reason."""
        return tuple(self._note(why, lines) for why, lines in self._lines.items())

    @property
    def flags(self) -> tuple[Flag, ...]:
        """The doubt that goes with lost lines."""
        return (Flag.LINES_LEFT_OUT,) if self.n_lost else ()

    def _note(self, why: str, lines: Sequence[int]) -> str:
        n_lines = len(lines)
        named = ", ".join(str(number) for number in lines[:_N_NAMED])
        more = ", …" if n_lines > _N_NAMED else ""
        unit = self._unit if n_lines == 1 else f"{self._unit}s"
        verb = "was" if n_lines == 1 else "were"
        if why in self._harmless:
            return f"{n_lines} {why} {unit} {verb} skipped ({self._unit} {named}{more})."
        return f"{n_lines} {unit} {verb} left out: {why} ({self._unit} {named}{more})."
