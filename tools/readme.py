"""Fills the README's tables from the example runs, so that nobody types a figure.

    python -m tools.readme            write them
    python -m tools.readme --check    exit 1 when they are not what the runs say

Between `<!-- results:NAME -->` and `<!-- end -->` stand the command that made `examples/NAME` and
its table of results with every warning that its own report prints.
"""

import re
import sys
from pathlib import Path

from llamawatt.report.content.source import source_at
from llamawatt.report.content.summary import summarise
from llamawatt.report.forms.markdown import escaped, table_lines
from llamawatt.report.forms.sections import warnings
from llamawatt.report.forms.tables import results

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
MARKED = re.compile(r"(<!-- results:(?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str) -> str:
    """Return the README's text with every marked table made anew."""
    return MARKED.sub(lambda match: f"{match[1]}{_results(match['name'])}{match[3]}", text)


def _results(name: str) -> str:
    model = summarise(source_at(ROOT / "examples" / name))
    lines = "\n".join(table_lines(results(model))).strip()
    told = "\n>\n".join(f"> **{each.title}.** {escaped(each.text)}" for each in warnings(model))
    return (
        "\n\n".join(
            part for part in (f"```sh\n{model.study.command}\n```", lines, told, "") if part
        )
        + "\n\n"
    )


def main(arguments: list[str]) -> int:
    """Write or check the README; the exit code."""
    text = README.read_text("utf-8")
    wanted = filled(text)
    if "--check" in arguments:
        if text != wanted:
            sys.stderr.write(
                "README.md does not say what the examples say: run `make reference`.\n"
            )
            return 1
        return 0
    README.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
