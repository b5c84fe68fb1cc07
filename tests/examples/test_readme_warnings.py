"""The README's tables carry every warning that their own report prints."""

import re
from pathlib import Path

import pytest

from llamawatt.report.content.source import source_at
from llamawatt.report.content.summary import summarise
from llamawatt.report.forms.sections import warnings
from tools.readme import MARKED, README, filled

TABLES = {found["name"]: found[0] for found in MARKED.finditer(README.read_text("utf-8"))}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_table_carries_the_warnings_of_its_report(name):
    told = warnings(summarise(source_at(Path("examples") / name)))
    plain = re.sub(r"\\(.)", r"\1", TABLES[name])
    for passage in told:
        assert f"> **{passage.title}.** {passage.text}" in plain


def test_there_are_tables_and_a_warning_taken_out_is_put_back():
    assert TABLES
    text = README.read_text("utf-8")
    line = next(line for line in text.splitlines() if line.startswith("> **"))
    assert filled(text.replace(line, "")) == text
