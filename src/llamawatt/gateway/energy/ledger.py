"""The energy of every domain up to a watermark, for days, in bounded memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from llamawatt.core.readings import Domain, Unavailable
from llamawatt.gateway.energy.slices import Anchor, Slice, book, first_anchor
from llamawatt.meters.energy.trace import Trace

PATIENCE_S = 5.0
"""A sensor that gives nothing for this long, or some update periods, is given up until it does."""
PATIENCE_PERIODS = 6.0
CONTEXT_S = 5.0
"""Samples kept behind what is booked, from which a sensor's usual spacing is known."""


class Feed(Protocol):
    """Where samples come from: every domain's latest, and a way to drop the old ones."""

    @property
    def domains(self) -> tuple[Domain, ...]:
        """Return every domain read."""

    def trace(self, domain: str) -> Trace:
        """Return the samples of a domain that are kept."""

    def forget_before(self, t_s: float) -> None:
        """Drop samples from before a moment."""


@dataclass(frozen=True, slots=True)
class Booked:
    """What is booked of one domain.

    Attributes:
        energy_j: Joules of all stretches whose energy is known.
        known_s: Length of those.
        unknown_s: Length of the others.
        until_s: Up to when it is booked.
        reason: Why the latest stretch is unknown; empty while the sensor gives numbers.
    """

    energy_j: float = 0.0
    known_s: float = 0.0
    unknown_s: float = 0.0
    until_s: float = 0.0
    reason: str = ""

    def with_slice(self, each: Slice) -> "Booked":
        """Return it with one more slice."""
        known = each.energy_j is not None
        return Booked(
            self.energy_j + (each.energy_j or 0.0),
            self.known_s + (each.duration_s if known else 0.0),
            self.unknown_s + (0.0 if known else each.duration_s),
            each.t1_s,
            each.reason,
        )


class Ledger:
    """Books the energy of every domain, slice by slice.

    Args:
        feed: Where samples come from.
        now_s: When booking begins.
    """

    def __init__(self, feed: Feed, now_s: float) -> None:
        self._feed = feed
        self._anchors: dict[str, Anchor | None] = {each.name: None for each in feed.domains}
        self._booked = {name: Booked(until_s=now_s) for name in self._anchors}

    @property
    def boundary(self) -> tuple[str, ...]:
        """Return the names of the domains that are summed."""
        return tuple(each.name for each in self._feed.domains if each.in_total)

    @property
    def watermark_s(self) -> float:
        """Return up to when every domain of the sum is booked."""
        names = self.boundary or tuple(self._booked)
        return min(self._booked[name].until_s for name in names)

    def advance(self, now_s: float) -> list[Slice]:
        """Book what became known, and forget the samples behind it.

        Returns:
            The new slices, by the time at which they end.
        """
        made: list[Slice] = []
        for domain in self._feed.domains:
            made += self._advance(domain, self._feed.trace(domain.name), now_s)
        anchors = self._anchors.items()
        needed_s = min(self._booked[n].until_s if at is None else at.read_s for n, at in anchors)
        self._feed.forget_before(needed_s - CONTEXT_S)
        return sorted(made, key=lambda each: each.t1_s)

    def booked(self, domain: str) -> Booked:
        """Return what is booked of a domain.

        Raises:
            KeyError: there is no such domain.
        """
        return self._booked[domain]

    def energy(self, domain: str) -> Booked | Unavailable:
        """Return what is booked of a domain, or why its sensor gives nothing now."""
        found = self._booked[domain]
        return Unavailable(found.reason) if found.reason else found

    def totals(self) -> Mapping[str, Booked]:
        """Return what is booked of every domain."""
        return dict(self._booked)

    def _advance(self, domain: Domain, trace: Trace, now_s: float) -> Sequence[Slice]:
        name, found = domain.name, list[Slice]()
        anchor = self._anchors[name]
        if anchor is None:
            anchor = first_anchor(trace, self._booked[name].until_s)
            if anchor is not None:
                found += self._unknown(name, anchor.t_s, "No reading yet.")
        if anchor is not None:
            booked, anchor = book(trace, anchor)
            found += booked
        if not any(each.energy_j is not None for each in found):
            late_s = self._patience_s(trace)
            until_s = found[-1].t1_s if found else self._booked[name].until_s
            if now_s - until_s > 2 * late_s:
                if anchor is not None:  # the last good reads will not be followed by others
                    found += book(trace, anchor, n_held=0)[0]
                    until_s = found[-1].t1_s if found else until_s
                found += self._given_up(trace, until_s, now_s - late_s)
                anchor = None
        self._anchors[name] = anchor
        for each in found:
            self._booked[name] = self._booked[name].with_slice(each)
        return found

    def _unknown(self, name: str, until_s: float, reason: str) -> list[Slice]:
        since_s = self._booked[name].until_s
        reason = self._booked[name].reason or reason
        return [Slice(name, since_s, until_s, None, 0.0, reason)] if until_s > since_s else []

    def _given_up(self, trace: Trace, since_s: float, until_s: float) -> list[Slice]:
        name = trace.domain.name
        reason = " ".join(trace.failures) or f"{name} gives no new reading."
        return [Slice(name, since_s, until_s, None, 0.0, reason)]

    def _patience_s(self, trace: Trace) -> float:
        calibration = trace.calibration
        period_s = (calibration.update_period_s or 0.0) if calibration else 0.0
        return max(PATIENCE_S, PATIENCE_PERIODS * period_s)
