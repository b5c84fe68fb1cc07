"""The page of systems: what works, is flagged, or is refused, from the cases of the tests."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from tests.compatibility.case import Case, Outcome

INTRODUCTION = """\
Each row is a test that feeds the system's own form of input and compares the figures that come out.

- **works**: the figures are right and carry no doubt.
- **flagged**: the figures are right as far as they go, and a sentence says what is doubtful.
- **refused**: no figure, and a sentence that says why and what to do instead.
"""


def compatibility_page(cases: Iterable[Case]) -> str:
    """Return the page."""
    parts = ["# Compatibility", "", INTRODUCTION]
    for area, members in _by(cases, lambda case: case.area):
        parts += [
            f"## {area}",
            "",
            "| system | given | outcome | note |",
            "| --- | --- | --- | --- |",
        ]
        for system, inputs in _by(members, lambda case: case.system):
            for number, case in enumerate(inputs):
                name = system if number == 0 else ""
                cells = (name, case.given, case.outcome.value, _note(case))
                parts.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
        parts.append("")
    return "\n".join(parts)


def _note(case: Case) -> str:
    """Return what the page says beside the outcome: the note, else the words that users read."""
    doubtful = case.outcome is not Outcome.WORKS and bool(case.said)
    return case.note or (f"“{case.said[0]}”" if doubtful else "")


def _by(cases: Iterable[Case], key: Callable[[Case], str]) -> Iterator[tuple[str, list[Case]]]:
    """Group cases in the order in which each key is first seen."""
    found = list(cases)
    order = list(dict.fromkeys(key(case) for case in found))
    ranked = sorted(found, key=lambda case: order.index(key(case)))
    for value, members in groupby(ranked, key=key):
        yield value, list(members)
