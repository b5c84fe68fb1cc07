"""Run directories found by name: a path, `latest`, `latest~1`, or a name in `llamawatt-runs`."""

import re
from collections.abc import Iterator
from pathlib import Path

from llamawatt.core.errors import RunDirectoryError
from llamawatt.core.suggest import meant
from llamawatt.runs.store import STUDY_FILE

RUNS_FOLDER = Path("llamawatt-runs")
"""Where runs go unless told otherwise, under the folder that the command is given in."""
LATEST = re.compile(r"latest(?:~([0-9]{1,9}))?")
_CREATED = re.compile(rb"^created_at: *['\"]?([^'\"\r\n]+)", re.MULTILINE)
_TAIL_BYTES = 1 << 16
"""A study's time is among its last lines: only so much of a long file is read."""


def resolve_run(name: Path, folder: Path = Path()) -> Path:
    """Return the run directory that a user named.

    A path that exists stands for itself, and so does one that nothing else fits: whoever reads it
    says what is wrong. Otherwise `latest` is the run made last, `latest~1` the one before it, and
    a name alone is looked for in `llamawatt-runs`.

    Args:
        name: As typed.
        folder: Where runs are looked for.

    Raises:
        RunDirectoryError: there are not so many runs, or a name resembles one without being it.
    """
    text = str(name)
    if (folder / name).exists():
        return name
    found = LATEST.fullmatch(text)
    if found:
        return _by_age(text, int(found[1] or 0), folder)
    inside = folder / RUNS_FOLDER / name
    if len(name.parts) == 1 and inside.is_dir():
        return inside
    return _known(name, folder)


def run_paths(folder: Path = Path()) -> tuple[Path, ...]:
    """Return the run directories in a folder and in its `llamawatt-runs`, the newest first.

    Repeated runs, one folder further down, are among them.
    """
    found = dict.fromkeys(_studies(folder))
    return tuple(sorted((file.parent for file in found), key=_age, reverse=True))


def _studies(folder: Path) -> Iterator[Path]:
    for under in (folder, folder / RUNS_FOLDER):
        yield from under.glob(f"*/{STUDY_FILE}")
        yield from under.glob(f"*/*/{STUDY_FILE}")


def _by_age(text: str, n_back: int, folder: Path) -> Path:
    runs = run_paths(folder)
    if not runs:
        raise RunDirectoryError(
            f"There is no run yet in {folder.resolve()} or its {RUNS_FOLDER} for {text!r}.",
            "Make one with `llamawatt bench`, or name a run directory by its path.",
        )
    if n_back >= len(runs):
        last = "latest" if len(runs) == 1 else f"latest to latest~{len(runs) - 1}"
        raise RunDirectoryError(
            f"{text!r} goes too far back: there are {len(runs)} runs here, {last}.",
            "`llamawatt runs` lists them.",
        )
    return runs[n_back]


def _known(name: Path, folder: Path) -> Path:
    """Return the name as it is, unless it is a slip of the pen for `latest` or for a run here."""
    if len(name.parts) == 1:
        hint = meant(str(name), ("latest", *(path.name for path in run_paths(folder))))
        if hint:
            raise RunDirectoryError(
                f"There is no run {str(name)!r} here.", f"{hint}`llamawatt runs` lists them."
            )
    return name


def _age(path: Path) -> tuple[str, str]:
    """Order by the time written in the study, then by name; a study without a time comes last."""
    try:
        with (path / STUDY_FILE).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL_BYTES))
            found = _CREATED.findall(file.read())
    except OSError:
        found = []
    return (found[-1].decode("utf-8", "replace") if found else "", str(path))
