"""The page of commands: what `--help` prints, command by command."""

from collections.abc import Iterator

import typer
from typer.models import CommandInfo
from typer.testing import CliRunner

from llamawatt.cli.main import EXIT_BUG, app
from llamawatt.core import errors
from llamawatt.core.errors import EXIT_INTERRUPTED

WIDTH = 88
"""Columns of the help text."""

INTRODUCTION = """\
`--json` prints JSON on stdout and nothing else; everything said on the way goes to stderr.
Every error is one sentence that names what was wrong and where, and, if there is one, the remedy.
"""


def cli_page() -> str:
    """Return the page."""
    parts = ["# Commands", INTRODUCTION]
    parts += [_section(path) for path in command_paths(app)]
    return "\n".join([*parts, exit_codes()])


def command_paths(level: typer.Typer, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words that name each command, those of the whole first."""
    yield path
    for command in level.registered_commands:
        if not command.hidden:
            yield (*path, _name(command))
    for group in level.registered_groups:
        if group.typer_instance is not None and not group.hidden:
            yield from command_paths(group.typer_instance, (*path, str(group.name)))


def help_text(path: tuple[str, ...]) -> str:
    """Return what `--help` prints for a command.

    Raises:
        RuntimeError: the command does not answer.
    """
    result = CliRunner().invoke(
        app, [*path, "--help"], prog_name="llamawatt", terminal_width=WIDTH, color=False
    )
    if result.exit_code != 0:
        raise RuntimeError(f"`llamawatt {' '.join(path)} --help` failed: {result.output}")
    return "\n".join(line.rstrip() for line in result.stdout.strip().splitlines())


def exit_codes() -> str:
    """Return the table of exit codes, from the error classes."""
    meanings = {0: "Done."}
    for error in (
        errors.GateError,
        errors.UsageError,
        errors.MeterError,
        errors.TargetError,
    ):
        meanings[error.exit_code] = (error.__doc__ or "").strip().splitlines()[0]
    meanings[EXIT_BUG] = "A fault of llamawatt itself; the message names a file with details."
    meanings[EXIT_INTERRUPTED] = "Interrupted; every finished trial is on the disk."
    rows = (f"| {code} | {meaning} |" for code, meaning in sorted(meanings.items()))
    return "\n".join(["## Exit codes", "", "| code | meaning |", "| --- | --- |", *rows, ""])


def _section(path: tuple[str, ...]) -> str:
    title = " ".join(("llamawatt", *path))
    return f"## {title}\n\n```text\n{help_text(path)}\n```\n"


def _name(command: CommandInfo) -> str:
    if command.name is not None or command.callback is None:
        return str(command.name)
    return command.callback.__name__.strip("_").replace("_", "-")
