"""How the case of a log is made: a file as the tool writes it, read by `llamawatt import auto`."""

from collections.abc import Mapping
from pathlib import Path

from llamawatt.core.errors import UsageError
from llamawatt.imports.auto import read_log
from llamawatt.imports.format import Options
from tests.compatibility.case import Case, Observed, Outcome

AREA = "Logs"
FIXTURES: dict[str, tuple[bytes, Options]] = {}
"""Every log of a case, by the case's name, for tests that break them."""
WORKS, FLAGGED, REFUSED = Outcome.WORKS, Outcome.FLAGGED, Outcome.REFUSED


def log(
    system: str,
    given: str,
    text: str | bytes,
    outcome: Outcome,
    figures: Mapping[str, float] | None = None,
    *,
    said: tuple[str, ...] = (),
    options: Options = Options(),  # noqa: B008  (frozen)
    file: str = "log.csv",
    note: str = "",
) -> Case:
    """Return the case of a log; figures are joules by domain."""

    data = text if isinstance(text, bytes) else text.encode()
    FIXTURES[f"{system}: {given}"] = (data, options)

    def observe(folder: Path) -> Observed:
        path = folder / file
        path.write_bytes(data)
        return observed(path, options)

    return Case(AREA, system, given, outcome, observe, figures or {}, said, note)


def observed(path: Path, options: Options) -> Observed:
    """Read a log and say what came of it."""
    try:
        found = read_log(path, "auto", options)
    except UsageError as error:
        return Observed(REFUSED, str(error))
    said = " ".join((found.title, *(flag.sentence for flag in found.flags), *found.notes))
    figures = {series.domain.name: series.energy_j for series in found.series}
    return Observed(FLAGGED if found.flags else WORKS, said, figures)


def lines(*rows: str) -> str:
    """Return rows as a file."""
    return "\n".join(rows) + "\n"
