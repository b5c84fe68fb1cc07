"""What a page claims and a machine can check: links, commands, flags, make targets."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

LINK = re.compile(r"\]\((?!https?://|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELLS = {"sh", "bash", "console", "shell"}


def pages(root: Path) -> list[Path]:
    """Return every page written by hand or by rule."""
    return sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")])


def dead_links(page: Path) -> list[str]:
    """Return relative links whose file or heading is not there."""
    dead = []
    for path, anchor in LINK.findall(_without_blocks(page.read_text("utf-8"))):
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(f"{path}#{anchor}" if anchor else path)
    return dead


def linked_from(page: Path) -> set[Path]:
    """Return every page that can be reached from one by links, itself included."""
    reached: set[Path] = set()
    waiting = [page.resolve()]
    while waiting:
        here = waiting.pop()
        if here in reached or here.suffix != ".md" or not here.is_file():
            continue
        reached.add(here)
        found = LINK.findall(_without_blocks(here.read_text("utf-8")))
        waiting += [(here.parent / path).resolve() for path, _ in found if path]
    return reached


def anchors(page: Path) -> set[str]:
    """Return the anchors that headings get."""
    headings = re.findall(r"^#+ (.+)$", _without_blocks(page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def shell_lines(text: str) -> Iterator[list[str]]:
    """Yield the words of each line in the shell blocks of a page."""
    for language, body in BLOCK.findall(text):
        if language in SHELLS:
            for line in body.replace("\\\n", " ").splitlines():
                words = shlex.split(line.removeprefix("$ "), comments=True)
                if words:
                    yield words


def make_targets(makefile: str) -> set[str]:
    """Return the targets that a makefile declares."""
    return set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


def _without_blocks(text: str) -> str:
    return BLOCK.sub("", text)
