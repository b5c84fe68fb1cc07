"""Tables with one column for each sensor: what HWiNFO, GPU-Z and tegrastats amount to."""

from collections.abc import Sequence
from dataclasses import dataclass

from llamawatt.core.errors import UsageError
from llamawatt.core.flags import Flag
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity
from llamawatt.imports.left_out import LeftOut
from llamawatt.imports.power_samples import PowerSample, good_power_w, power_series
from llamawatt.imports.recorded import ImportedLog, ImportedSeries, gap_flags, united
from llamawatt.imports.table import is_missing
from llamawatt.imports.text_file import TextFile
from llamawatt.imports.timeline import Timeline
from llamawatt.meters.energy.screening import Limits


@dataclass(frozen=True, slots=True)
class Channel:
    """One column of power.

    Attributes:
        column: Its name in the file.
        domain: What it is of.
        scale: Watts in one unit of it.
    """

    column: str
    domain: Domain
    scale: float = 1.0


def power_domain(
    tool: str,
    name: str,
    kind: DomainKind,
    *,
    in_total: bool = True,
    device: str = "",
    gain_error: float = 0.05,
    gain_source: str = "stated: the tool publishes no accuracy",
    note: str = "",
) -> Domain:
    """Return a domain of momentary power that a tool recorded."""
    return Domain(
        name=name,
        kind=kind,
        quantity=Quantity.POWER,
        method=Method.IMPORT,
        source=tool,
        device=device,
        in_total=in_total,
        gain_error=gain_error,
        gain_source=gain_source,
        note=note,
    )


def wide_log(
    file: TextFile,
    timeline: Timeline,
    channels: Sequence[Channel],
    left_out: LeftOut,
    tool: str,
    notes: Sequence[str] = (),
) -> ImportedLog:
    """Return a log with one series for each channel that has figures.

    Raises:
        UsageError: no channel has any, or times run backwards; file and line are named.
    """
    series: list[ImportedSeries] = []
    said = list(notes)
    for channel in channels:
        samples = _samples(timeline, channel, left_out)
        if not samples:
            said.append(f"{channel.domain.name} tells no power: it is not measured.")
            continue
        found, words = power_series(
            channel.domain,
            samples,
            is_told_apart=True,
            whole_seconds=timeline.whole_seconds,
        )
        series.append(found)
        said += words
    if not series:
        raise UsageError(
            f"{file.path} has no power in any line.", "Choose the power sensors in the tool."
        )
    left_out.require_most(file.path, max(len(each.t_s) for each in series))
    assumed = (Flag.TIMES_ASSUMED,) if timeline.is_assumed else ()
    gaps = [flag for each in series for flag in gap_flags(each.t_s)]
    return ImportedLog(
        source=file.path.name,
        tool=tool,
        started_at=timeline.started_at,
        series=tuple(series),
        flags=united([*gaps, *assumed, *left_out.flags, *missing_flags(series)]),
        notes=(*dict.fromkeys(said), *timeline.notes, *left_out.notes),
    )


def missing_flags(series: Sequence[ImportedSeries]) -> tuple[Flag, ...]:
    """Return the doubt of a log that covers a processor without its memory."""
    kinds = {each.domain.kind for each in series}
    lacks_dram = DomainKind.CPU_PACKAGE in kinds and DomainKind.DRAM not in kinds
    return (Flag.DRAM_NOT_MEASURED,) if lacks_dram else ()


def _samples(timeline: Timeline, channel: Channel, left_out: LeftOut) -> list[PowerSample]:
    if all(is_missing(row.text(channel.column)) for row in timeline.rows):
        return []
    found = []
    most_w = Limits.of(channel.domain).max_power_w
    for row, t_s in zip(timeline.rows, timeline.t_s, strict=True):
        power_w = good_power_w(row, row.text(channel.column), channel.scale, most_w, left_out)
        if power_w is not None:
            found.append(PowerSample(row, t_s, power_w))
    return found
