"""Which points are beaten on every count at once."""

from collections.abc import Sequence


def pareto_front(points: Sequence[tuple[float, float]]) -> tuple[bool, ...]:
    """Mark the points that no other beats: as good on both counts and better on one.

    Args:
        points: Two costs each, as latency and energy; less is better on both.

    Returns:
        For each point, in the given order, whether it is on the front. Equal points share it.
    """
    best_y = float("inf")
    on_front: set[tuple[float, float]] = set()
    for x, y in sorted(set(points)):
        if y < best_y:
            best_y = y
            on_front.add((x, y))
    return tuple(point in on_front for point in points)
