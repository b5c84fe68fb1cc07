"""Figures in words, with their numbers, for who does not see them."""

from collections.abc import Callable, Iterable, Sequence

from llamawatt.analysis.estimates.roofline import RooflinePoint
from llamawatt.core.format import energy_text, number_text, percent_text, quantity_text
from llamawatt.report.figures.arms import busiest_suite, plain_rows
from llamawatt.report.figures.power import shown_splits
from llamawatt.report.figures.why import shown_roofs
from llamawatt.report.model import ReportModel, Row
from llamawatt.report.words.phrases import suite_text, value_text

_N_TOLD = 12


def of_rows(kind: str, *metrics: str, plain: bool = True) -> Callable[[ReportModel], str]:
    """Return words for a figure whose marks are arms on suites.

    Args:
        kind: What sort of figure it is, and of what.
        metrics: What its marks stand for.
        plain: Whether it shows the plain arms on all suites, or all arms on the busiest one.
    """

    def words(model: ReportModel) -> str:
        rows = plain_rows(model) if plain else model.suite_rows(suite=busiest_suite(model))
        return f"{kind}. {listed(_told(row, metrics) for row in rows)}"

    return words


def of_lines(
    kind: str, rows: Callable[[ReportModel], Iterable[Row]], *metrics: str
) -> Callable[[ReportModel], str]:
    """Return words for a figure of other rows."""
    return lambda model: f"{kind}. {listed(_told(row, metrics) for row in rows(model))}"


def traces(model: ReportModel) -> str:
    """Say what was traced, and how long."""
    told = (
        f"{trace.arm} on {suite_text(trace.suite)}: {len(trace.lines)} domains over a window of "
        f"{number_text(trace.duration_s)} s"
        for trace in model.traces
    )
    return f"Power in watts over time, before, during and after a window. {listed(told)}"


def splits(model: ReportModel) -> str:
    """Say where the joules go."""
    told = (
        f"{split.arm} on {suite_text(split.suite)}: idle {energy_text(split.idle_j)}, prompt "
        f"{energy_text(split.prefill_j)}, generation {energy_text(split.decode_j)}"
        for split in shown_splits(model)
    )
    return f"Stacked bars of joules per reply. {listed(told)}"


def roofs(model: ReportModel) -> str:
    """Say how much memory is read each second."""
    told = (
        f"{point.arm}: {quantity_text(point.streamed_bytes_per_s, 'B/s')}{_share(point)}"
        for point in shown_roofs(model)
    )
    return f"Bars of bytes read from memory each second while generating. {listed(told)}"


def listed(told: Iterable[str]) -> str:
    """Return sentences in a row, and how many more there would be."""
    every = [each for each in told if each]
    more = f"; and {len(every) - _N_TOLD} more" if len(every) > _N_TOLD else ""
    return "; ".join(every[:_N_TOLD]) + more + "."


def _share(point: RooflinePoint) -> str:
    if point.share is None:
        return ""
    roof = "nameplate" if point.is_nameplate else "measured bandwidth"
    return f", {percent_text(point.share)} of the {roof}"


def _told(row: Row, metrics: Sequence[str]) -> str:
    figures = [value_text(m, row.estimates[m].value) for m in metrics if row.has(m)]
    return f"{row.arm} on {suite_text(row.suite)}: {', '.join(figures)}" if figures else ""
