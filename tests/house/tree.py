"""The source tree as the house rules see it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "llamawatt"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One parsed file."""

    path: Path
    tree: ast.Module
    n_lines: int

    @property
    def name(self) -> str:
        """The path as a reader types it."""
        return self.path.relative_to(ROOT).as_posix()


def modules(folder: Path = SOURCE) -> list[Module]:
    """Return every Python file below a folder."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        found.append(Module(path, ast.parse(text), len(text.splitlines())))
    return found


def functions(tree: ast.AST) -> Iterator[Function]:
    """Yield every function and method, nested ones included."""
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield node


def classes(tree: ast.AST) -> Iterator[ast.ClassDef]:
    """Yield every class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node
