import dataclasses
import re

import pytest

from llamawatt.cli.main import app
from llamawatt.targets.spec import TargetSpec
from tests.house.doc_rule import dead_links, linked_from, make_targets, pages, shell_lines
from tests.house.tree import ROOT
from tools.reference.__main__ import pages as reference_pages
from tools.reference.cli_page import command_paths, help_text
from tools.reference.records_page import FILES, SPECS, described

PAGES = pages(ROOT)
PATHS = set(command_paths(app))
TARGETS = make_targets((ROOT / "Makefile").read_text())


def wrong_command(words: list[str]) -> str:
    """Say what does not hold of `llamawatt …`; empty when all of it does."""
    path = ()
    for word in words:
        if (*path, word) not in PATHS:
            break
        path = (*path, word)
    rest = words[len(path) :]
    if rest and not rest[0].startswith("-") and any(p[:-1] == path for p in PATHS if p):
        return f"no command {' '.join((*path, rest[0]))}"
    own = words[: words.index("--")] if "--" in words else words
    known = set(re.findall(r"(?<!\S)(-{1,2}[a-z][\w-]*)", help_text(path)))
    unknown = [w for w in own if w.startswith("-") and w.partition("=")[0] not in known]
    return f"{' '.join(path)} has no {unknown}" if unknown else ""


def wrong_lines(text: str) -> list[str]:
    wrong = []
    for words in shell_lines(text):
        program = words[0].rpartition("/")[2]
        if program == "llamawatt" and (why := wrong_command(words[1:])):
            wrong.append(why)
        if program == "make":
            wrong += [f"make {w}" for w in words[1:] if "=" not in w and w not in TARGETS]
    return wrong


def test_every_link_leads_somewhere():
    assert {page.name: dead for page in PAGES if (dead := dead_links(page))} == {}


def test_every_page_can_be_reached_from_the_index():
    reached = linked_from(ROOT / "docs" / "index.md")
    pages_of_docs = {page for page in PAGES if page.is_relative_to(ROOT / "docs")}
    assert {page.name for page in pages_of_docs - reached} == set()


def test_every_command_in_a_page_exists_with_its_options():
    found = {page.name: wrong for page in PAGES if (wrong := wrong_lines(page.read_text("utf-8")))}
    assert found == {}


@pytest.mark.parametrize(
    "line",
    [
        "llamawatt toast",
        "llamawatt bench --no-such",
        ".venv/bin/llamawatt study burn",
        "make toast",
    ],
)
def test_a_command_that_does_not_exist_is_found(line):
    assert len(wrong_lines(f"```sh\n{line}\n```\n")) == 1


def test_a_dead_link_is_found(tmp_path):
    page = tmp_path / "a.md"
    page.write_text("# Top\n[x](b.md) [y](a.md#top) [z](#gone) [w](https://example.org)\n")
    assert dead_links(page) == ["b.md", "#gone"]


def test_a_page_without_a_link_to_it_is_found(tmp_path):
    for name, text in {"a": "[b](b.md)", "b": "[a](a.md#x)", "c": "[a](a.md)"}.items():
        (tmp_path / f"{name}.md").write_text(text)
    assert {page.stem for page in linked_from(tmp_path / "a.md")} == {"a", "b"}


def test_the_reference_has_every_command():
    text = reference_pages()["commands.md"]
    assert {" ".join(path) for path in PATHS} == {
        title.removeprefix("llamawatt").strip()
        for title in re.findall(r"^## (llamawatt.*)$", text, re.MULTILINE)
    }


def test_every_field_of_the_reference_is_described():
    records = [record for records in FILES.values() for record in records]
    named = {record: [field.name for field in dataclasses.fields(record)] for record in records}
    named |= {spec: list(spec.model_fields) for spec in (TargetSpec, *SPECS)}
    missing = [
        f"{owner.__name__}.{name}"
        for owner, names in named.items()
        for name in names
        if name not in described(owner)
    ]
    assert missing == []


def test_attributes_are_read_from_a_docstring():
    class Record:
        """One line.

        Attributes:
            energy_j: Joules, of a
                long line.
            kind: What it is.
        """

    assert described(Record) == {"energy_j": "Joules, of a long line.", "kind": "What it is."}
