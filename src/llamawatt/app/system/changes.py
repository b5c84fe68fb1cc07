"""Changes to the machine that are put back: by the end, by an error, by a signal, after a kill.

The old value of whatever is changed lies on the disk before the change is made. So whoever is
killed leaves a note, and `llamawatt restore` follows it.
"""

import atexit
import contextlib
import os
import signal
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType

import psutil

from llamawatt.app.system.controls import Control
from llamawatt.core.errors import LlamawattError, RunDirectoryError, UsageError
from llamawatt.host.config_folder import config_folder
from llamawatt.runs import schema
from llamawatt.runs.journal import write_whole

FILE_NAME = "system-changes.json"
ENDING = ("SIGTERM", "SIGHUP")
"""Signals that would end this process without its `finally`."""


@dataclass(frozen=True, slots=True)
class Note:
    """What was changed: control → value before.

    Attributes:
        pid: Process that changed it.
        before: By name of the control, in the order of the changes.
    """

    pid: int
    before: dict[str, str] = field(default_factory=dict)


def note_path() -> Path:
    """Return where the note lies."""
    return config_folder() / FILE_NAME


@dataclass(slots=True)
class SystemChanges:
    """Changes the machine within a `with`, and puts everything back at its end.

    Attributes:
        controls: What may be set, by name.
        path: Where the note lies.
    """

    controls: Mapping[str, Control]
    path: Path = field(default_factory=note_path)
    _before: dict[str, str] = field(default_factory=dict)
    _handlers: dict[int, object] = field(default_factory=dict)

    def __enter__(self) -> "SystemChanges":
        """Begin.

        Raises:
            UsageError: an earlier process left changes that were not put back.
        """
        if self.path.exists():
            raise UsageError(
                "Settings of this machine that an earlier run changed were not put back.",
                "Put them back first: `llamawatt restore`.",
            )
        atexit.register(self.restore)
        if threading.current_thread() is threading.main_thread():
            for number in [s for s in signal.Signals if s.name in ENDING]:
                self._handlers[number] = signal.signal(number, self._told)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.restore()
        finally:
            atexit.unregister(self.restore)
            for number, handler in self._handlers.items():
                signal.signal(number, handler)  # type: ignore[arg-type]
            self._handlers.clear()

    def set(self, wanted: Mapping[str, str]) -> None:
        """Set controls; what they were is on the disk before.

        Raises:
            UsageError: one cannot be read or set.
            RunDirectoryError: the note cannot be written; nothing was changed.
        """
        for name, value in wanted.items():
            control = self.controls[name]
            now = control.read()
            if now == value:
                continue
            if name not in self._before:
                noted = {**self._before, name: now}
                self.path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(self.path, schema.to_json(Note(os.getpid(), noted)))
                self._before = noted
            control.write(value)

    def restore(self) -> None:
        """Put everything back. Safe to call twice.

        Raises:
            UsageError: something could not be put back; it stays in the note.
        """
        if self._before:
            self._before = _put_back(self._before, self.controls, self.path)

    def _told(self, number: int, _frame: FrameType | None) -> None:
        self.restore()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def restore(controls: Iterable[Control], path: Path | None = None) -> dict[str, str]:
    """Put back what a killed process changed.

    Args:
        controls: What may be set on this machine.
        path: Where the note lies; the usual place when None.

    Returns:
        Control → value that was put back; empty where there was nothing to do.

    Raises:
        UsageError: the process that changed it still runs, or something cannot be put back.
        RunDirectoryError: the note is broken.
    """
    file = path or note_path()
    if not file.exists():
        return {}
    try:
        note = schema.read_record(file, Note)
    except RunDirectoryError as error:
        raise RunDirectoryError(
            f"{error.what}", f"Look at it, put back what it names, and remove {file}."
        ) from error
    if note.pid != os.getpid() and psutil.pid_exists(note.pid) and _is_ours(note.pid):
        raise UsageError(
            f"Process {note.pid} still measures with changed settings.",
            "End it: it puts them back itself.",
        )
    _put_back(note.before, {control.name: control for control in controls}, file)
    return dict(note.before)


def _is_ours(pid: int) -> bool:
    """Tell whether a process may be the one that wrote a note: pids are used again."""
    with contextlib.suppress(psutil.Error):
        return any("llamawatt" in word for word in psutil.Process(pid).cmdline())
    return False


def _put_back(
    before: Mapping[str, str], controls: Mapping[str, Control], path: Path
) -> dict[str, str]:
    """Put values back, the last first; keep a note of what failed.

    Raises:
        UsageError: something could not be put back.
    """
    failed: dict[str, str] = {}
    reasons: list[str] = []
    for name, value in reversed(list(before.items())):
        try:
            if name not in controls:
                raise UsageError(f"{name} is not on this machine any more.")
            controls[name].write(value)
        except LlamawattError as error:
            failed[name] = value
            reasons.append(error.what)
    if failed:
        write_whole(path, schema.to_json(Note(os.getpid(), dict(reversed(list(failed.items()))))))
        raise UsageError(
            f"Not everything could be put back: {' '.join(reasons)}",
            f"Try `llamawatt restore` as administrator; {path} names what it was.",
        )
    path.unlink(missing_ok=True)
    return {}
