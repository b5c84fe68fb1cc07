"""`python -m tools.reference [--check]`: write the pages, or say which are out of date."""

import sys
from pathlib import Path

from llamawatt.report.forms.json_form import report_schema
from tests.compatibility.registry import CASES
from tools.reference.cli_page import cli_page
from tools.reference.compatibility_page import compatibility_page
from tools.reference.records_page import configuration_page, flags_page, records_page, settings_page

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
NOTE = "<!-- Written by `make reference` from the program itself; edits here are lost. -->\n\n"


def pages() -> dict[str, str]:
    """Return file name → text."""
    made = {
        "commands.md": cli_page(),
        "compatibility.md": compatibility_page(CASES),
        "configuration.md": configuration_page(),
        "flags.md": flags_page(),
        "run-directory.md": records_page(),
        "settings.md": settings_page(),
    }
    return {
        **{name: NOTE + text for name, text in made.items()},
        "report.schema.json": report_schema(),
    }


def stale(folder: Path) -> list[str]:
    """Return the pages that differ from what would be written."""
    return [
        name
        for name, text in pages().items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str]) -> int:
    """Write or check; return the exit code."""
    if arguments == ["--check"]:
        old = stale(FOLDER)
        if old:
            sys.stderr.write(f"Out of date in {FOLDER}: {', '.join(old)}. Run `make reference`.\n")
        return int(bool(old))
    if arguments:
        sys.stderr.write("usage: python -m tools.reference [--check]\n")
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
