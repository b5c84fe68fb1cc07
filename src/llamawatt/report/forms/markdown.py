"""The report as Markdown, for a README or a pull request."""

from collections.abc import Iterable

from llamawatt.report.content import about
from llamawatt.report.forms.all_tables import all_tables
from llamawatt.report.forms.sections import sections, warnings
from llamawatt.report.forms.tables import Table
from llamawatt.report.model import FigureEntry, ReportModel


def markdown(model: ReportModel) -> str:
    """Return the report; figures are linked as PNG files in `figures/`."""
    lines = [f"# {about.title(model)}", "", f"**{escaped(model.learnt)}**", ""]
    lines += [model.next_step, "", model.headline, ""]
    lines += [f"- **{name}**: {escaped(value)}" for name, value in about.facts(model)]
    for passage in warnings(model):
        lines += ["", f"> **{passage.title}.** {escaped(passage.text)}"]
    for section in sections(model):
        lines += ["", f"## {section.title}"]
        for entry in section.figures:
            lines += ["", f"![{_alternative(entry)}](figures/{entry.name}.png)", ""]
            lines.append(f"*{entry.caption}*")
        for passage in section.passages:
            lines += ["", f"**{escaped(passage.title)}.** {escaped(passage.text)}".rstrip()]
            lines += ["", *(f"- {escaped(point)}" for point in passage.points)]
    lines += [
        "",
        "## Numbers",
        "",
        "Geometric means with 95 % intervals, the repeatability within this run; ~ is modelled.",
    ]
    for table in all_tables(model):
        lines += table_lines(table)
    lines += ["", "## Method"]
    lines += [line for paragraph in about.METHOD for line in ("", paragraph)]
    lines += ["", *(f"- **{name}**: {escaped(value)}" for name, value in about.settings(model))]
    if model.made_at:
        lines += ["", f"Made by llamawatt on {model.made_at} from the run `{model.run}`."]
    return "\n".join(lines) + "\n"


def _alternative(entry: FigureEntry) -> str:
    """Brackets would end the text too early."""
    return escaped(f"{entry.title}. {entry.alternative}").replace("[", "(").replace("]", ")")


def table_lines(table: Table) -> Iterable[str]:
    """Return a table as Markdown, with its title; nothing when it has no rows."""
    if not table.rows:
        return
    yield from ("", f"### {table.title}", "")
    yield _row(table.columns)
    yield _row("---:" if numeric else "---" for numeric in table.numeric)
    yield from (_row(escaped(cell.text) for cell in row) for row in table.rows)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def escaped(text: str) -> str:
    """Keep Markdown from reading marks into names: `~`, `|`, `_`, `*` and `<`."""
    for mark in ("\\", "|", "*", "_", "~", "<", "`"):
        text = text.replace(mark, f"\\{mark}")
    return text
