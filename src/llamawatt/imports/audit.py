"""Whether an energy was taken while the work ran: the share of each energy window that is work."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in which a request was worked on.

    Attributes:
        name: Which request.
        t0_s: Start, on the same axis as the energy windows.
        t1_s: End.
    """

    name: str
    t0_s: float
    t1_s: float


@dataclass(frozen=True, slots=True)
class EnergyWindow:
    """A stretch of time over which an energy was taken.

    Attributes:
        name: Which energy.
        t0_s: Start.
        t1_s: End.
        energy_j: The energy.
    """

    name: str
    t0_s: float
    t1_s: float
    energy_j: float


@dataclass(frozen=True, slots=True)
class WindowAudit:
    """What one energy window covers.

    Attributes:
        window: The window.
        overlap_s: Time within it in which any request was worked on.
        requests: The requests that it touches.
    """

    window: EnergyWindow
    overlap_s: float
    requests: tuple[str, ...]

    @property
    def share(self) -> float:
        """Share of the window that is work, 0..1."""
        return self.overlap_s / (self.window.t1_s - self.window.t0_s)


@dataclass(frozen=True, slots=True)
class Audit:
    """What all energy windows of a study cover.

    Attributes:
        rows: By energy window.
        work_s: Time in which any request was worked on.
        covered_s: The part of it that lies in an energy window.
    """

    rows: tuple[WindowAudit, ...]
    work_s: float
    covered_s: float

    @property
    def n_touching(self) -> int:
        """Number of windows that hold any work at all."""
        return sum(1 for row in self.rows if row.overlap_s > 0)

    @property
    def verdict(self) -> str:
        """The finding, in a sentence or two."""
        n_windows = len(self.rows)
        if not n_windows:
            return "There is no energy window."
        covered = f"{self.covered_s:.1f} s of {self.work_s:.1f} s of work were metered."
        if not self.n_touching:
            return (
                f"None of the {n_windows} energy windows overlaps its work: these energies are of "
                f"something else. {covered}"
            )
        window_s = sum(row.window.t1_s - row.window.t0_s for row in self.rows)
        share = sum(row.overlap_s for row in self.rows) / window_s
        return (
            f"{self.n_touching} of {n_windows} energy windows overlap work; {share:.0%} of the "
            f"time they cover is work. {covered}"
        )


def audit(windows: Sequence[EnergyWindow], requests: Sequence[Span]) -> Audit:
    """Say what share of each energy window overlaps the work.

    Args:
        windows: Where energies were taken.
        requests: Where work was done.

    Raises:
        ValueError: a window or request does not end after it starts.
    """
    for name, t0_s, t1_s in (
        *((each.name, each.t0_s, each.t1_s) for each in windows),
        *((each.name, each.t0_s, each.t1_s) for each in requests),
    ):
        if not t1_s > t0_s:
            raise ValueError(f"{name} ends at {t1_s} s, not after {t0_s} s")
    work = merged((each.t0_s, each.t1_s) for each in requests)
    metered = merged((each.t0_s, each.t1_s) for each in windows)
    rows = tuple(_row(window, work, requests) for window in windows)
    return Audit(
        rows=rows,
        work_s=sum(end_s - start_s for start_s, end_s in work),
        covered_s=sum(common_s(metered, start_s, end_s) for start_s, end_s in work),
    )


def merged(stretches: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return stretches of time in order, with those that meet made one."""
    found: list[tuple[float, float]] = []
    for start_s, end_s in sorted(stretches):
        if found and start_s <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end_s))
        else:
            found.append((start_s, end_s))
    return found


def common_s(stretches: Iterable[tuple[float, float]], t0_s: float, t1_s: float) -> float:
    """Return for how long stretches that do not meet lie within a window."""
    return sum(max(0.0, min(end_s, t1_s) - max(start_s, t0_s)) for start_s, end_s in stretches)


def _row(
    window: EnergyWindow, work: Sequence[tuple[float, float]], requests: Sequence[Span]
) -> WindowAudit:
    touched = tuple(
        each.name for each in requests if each.t0_s < window.t1_s and each.t1_s > window.t0_s
    )
    return WindowAudit(window, common_s(work, window.t0_s, window.t1_s), touched)
