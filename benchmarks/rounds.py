"""Rounds of four turns, first and last alike: a drift of the machine over them cancels."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from llamawatt.analysis.estimates.stats import Estimate

T = TypeVar("T")


def symmetric_round(sides: Mapping[str, Callable[[], T]], number: int) -> dict[str, list[T]]:
    """Take two turns of each of two sides; who goes first and last changes with the number.

    Returns:
        What each side gave in its turns.
    """
    outer, inner = list(sides) if number % 2 == 0 else reversed(sides)
    seen: dict[str, list[T]] = {name: [] for name in sides}
    for name in (outer, inner, inner, outer):
        seen[name].append(sides[name]())
    return seen


def ratio_text(found: Estimate) -> str:
    """Return a ratio with its interval, where there is one."""
    interval = "" if found.low is None else f" [{found.low:.4f}, {found.high:.4f}]"
    return f"{found.value:.4f}{interval}"
