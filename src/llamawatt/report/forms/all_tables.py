"""The tables of a report in their order, the same in every form."""

from llamawatt.report.forms import tables
from llamawatt.report.forms.bit_tables import bit_widths, cache_settings
from llamawatt.report.forms.tables import Table
from llamawatt.report.model import ReportModel


def all_tables(model: ReportModel) -> tuple[Table, ...]:
    """Return every table; one without rows is empty, and shown by no form."""
    return (
        tables.results(model),
        tables.worth(model),
        bit_widths(model),
        cache_settings(model),
        tables.comparisons(model),
        tables.idle(model),
        tables.domains(model),
        tables.skipped(model),
    )
