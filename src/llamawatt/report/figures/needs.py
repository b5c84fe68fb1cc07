"""What each figure needs, and the reason in words when a run does not have it."""

from llamawatt.report.content.bits import widths
from llamawatt.report.content.caches import caches
from llamawatt.report.figures import power as draw_power
from llamawatt.report.figures.arms import busiest_suite, plain_rows
from llamawatt.report.model import ReportModel, Row


def energy(rows: tuple[Row, ...], n: int = 1) -> str:
    """Say what keeps `n` of these rows from having comparable joules; empty when nothing does."""
    if not rows:
        return "no trial has finished"
    if sum(row.has("energy_j") for row in rows) < n:
        return (
            "no energy was measured" if n == 1 else "fewer than two settings have comparable energy"
        )
    return ""


def plain_energy(model: ReportModel) -> str:
    """Joules of a plain arm."""
    return energy(plain_rows(model))


def plain(model: ReportModel) -> str:
    """A plain arm."""
    return "" if plain_rows(model) else "no trial has finished"


def two(model: ReportModel) -> str:
    """Joules of two arms on one suite."""
    return energy(model.suite_rows(suite=busiest_suite(model)), 2)


def traces(model: ReportModel) -> str:
    """A trace."""
    return "" if model.traces else "no trace of a trial was kept"


def splits(model: ReportModel) -> str:
    """Costs by phase."""
    if draw_power.shown_splits(model):
        return ""
    reasons = (a.why_not for a in model.attributions if a.why_not)
    return next(reasons, "no setting has costs by phase")


def roofs(model: ReportModel) -> str:
    """Bytes per token."""
    return "" if model.roofs else "the bytes that the model streams per token are not known"


def bit_widths(model: ReportModel) -> str:
    """Two bit widths."""
    found = widths(model)
    if len({width.model.bits_per_weight for width in found}) < 2:
        return "the study compares no bit widths; run the study `quantization`"
    return energy(tuple(width.row for width in found))


def cache_types(model: ReportModel) -> str:
    """Joules of two cache settings."""
    return energy(tuple(level.row for level in caches(model)), 2)
