"""Logs that tell the energy or mean power of each interval: joules add up without interpolation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise

from llamawatt.core.errors import UsageError
from llamawatt.core.flags import Flag
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity
from llamawatt.imports.left_out import LeftOut
from llamawatt.imports.recorded import ImportedLog, ImportedSeries, gap_flags, united
from llamawatt.imports.text_file import TextFile
from llamawatt.imports.wide_table import missing_flags
from llamawatt.meters.energy.screening import Limits


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time with the energy of each domain.

    Attributes:
        number: Where it stands in the file, for messages.
        end_s: When it ended, on the log's own axis.
        length_s: How long it was.
        energy_j: Joules by domain; a domain without a figure is not in it.
    """

    number: int
    end_s: float
    length_s: float
    energy_j: Mapping[str, float] = field(default_factory=dict)


def energy_domain(
    tool: str,
    name: str,
    kind: DomainKind,
    *,
    in_total: bool = True,
    note: str = "",
    gain_error: float = 0.05,
) -> Domain:
    """Return a domain of energies that a tool recorded."""
    return Domain(
        name=name,
        kind=kind,
        quantity=Quantity.ENERGY,
        method=Method.IMPORT,
        source=tool,
        in_total=in_total,
        gain_error=gain_error,
        gain_source="stated: makers publish no accuracy of these counters",
        note=note,
    )


def interval_log(
    file: TextFile,
    tool: str,
    domains: Sequence[Domain],
    intervals: Sequence[Interval],
    left_out: LeftOut,
    *,
    started_at: datetime | None = None,
    flags: Sequence[Flag] = (),
    notes: Sequence[str] = (),
) -> ImportedLog:
    """Return the log of a sequence of intervals.

    Raises:
        UsageError: there is none, they run backwards, or an energy is below zero.
    """
    if not intervals:
        raise UsageError(
            f"{file.path} holds no interval with an energy.", "Use the log as the tool wrote it."
        )
    _require_order(file, intervals)
    series = []
    for domain in domains:
        told = [each for each in intervals if _believed(file, each, domain, left_out)]
        if told:
            series.append(_series(domain, told))
    if not series:
        raise UsageError(f"{file.path} holds no energy that can be read.")
    left_out.require_most(file.path, len(intervals))
    first_s = min(each.t_s[0] for each in series)
    moved = tuple(replace(each, t_s=tuple(t - first_s for t in each.t_s)) for each in series)
    gaps = [flag for each in moved for flag in gap_flags(each.t_s)]
    return ImportedLog(
        source=file.path.name,
        tool=tool,
        started_at=started_at,
        series=moved,
        flags=united([*flags, *gaps, *left_out.flags, *missing_flags(moved)]),
        notes=(*notes, *left_out.notes),
    )


def _require_order(file: TextFile, intervals: Sequence[Interval]) -> None:
    for before, now in pairwise(intervals):
        if now.end_s <= before.end_s:
            raise UsageError(
                f"{file.path}:{now.number} is not later than the interval before it "
                f"({now.end_s:g} s after {before.end_s:g} s).",
                "Cut the file where a second recording begins.",
            )


def _believed(file: TextFile, each: Interval, domain: Domain, left_out: LeftOut) -> bool:
    """Tell whether an interval has an energy of a domain that the device can have used."""
    energy_j = each.energy_j.get(domain.name)
    if energy_j is None:
        left_out.add(each.number, f"no figure of {domain.name}")
        return False
    if energy_j < 0:
        raise UsageError(
            f"{file.path}:{each.number} holds {energy_j:g} J of {domain.name}; no energy is below "
            "zero."
        )
    if energy_j > Limits.of(domain).max_power_w * each.length_s:
        left_out.add(each.number, f"more than {domain.name} can draw")
        return False
    return True


def _series(domain: Domain, told: Sequence[Interval]) -> ImportedSeries:
    """Add up intervals; between two that do not touch nothing is counted."""
    t_s = [told[0].end_s - told[0].length_s]
    total_j = [0.0]
    for each in told:
        start_s = each.end_s - each.length_s
        if start_s > t_s[-1] + 1e-9 + 0.01 * each.length_s:
            t_s.append(start_s)
            total_j.append(total_j[-1])
        t_s.append(max(each.end_s, t_s[-1]))
        total_j.append(total_j[-1] + each.energy_j[domain.name])
    return ImportedSeries(domain, tuple(t_s), tuple(total_j))
