"""The exception tree.

LlamawattError                 exit code 2 unless a subclass says otherwise
├── UsageError          (2)    wrong flag, wrong file, wrong value: the user can mend it
├── SpecError           (2)    a study or target specification that does not hold
├── RunDirectoryError   (2)    a run directory that is locked, newer, or not one
├── ModelError          (2)    a model file that is missing, broken or cannot be had
├── MeterError          (3)    nothing could be measured
├── TargetError         (4)    llama.cpp did not start, crashed or answered wrongly
│   ├── RefusalError    (4)    a server answered, and did not do what it was asked
│   ├── UncountedError  (4)    a server did not count the tokens of an answer
│   └── NoTrialError    (4)    so it was in every trial of a run
└── Cancelled         (130)    whoever ordered the work called it off

`GateError` (1) is not an error of the tool: the measured answer is "no".
"""

from pathlib import Path
from typing import ClassVar

from llamawatt.core.format import shortened

EXIT_INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as shells count it."""
MOST_CHARACTERS = 4000
"""Longest sentence of an error: what it quotes of a file may be of any length."""


class LlamawattError(Exception):
    """Base of every error a user may see.

    Args:
        what: One sentence that says what was wrong, and where.
        remedy: What the user can do about it; empty when nothing helps.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, what: str, remedy: str = "") -> None:
        self.what = shortened(what, MOST_CHARACTERS)
        super().__init__(self.what)
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}".strip()


class UsageError(LlamawattError):
    """A flag, file or value that the user can mend."""


class SpecError(LlamawattError):
    """A study or target specification that does not hold."""


class RunDirectoryError(LlamawattError):
    """A run directory that is locked, of a newer schema, or not one at all."""


class ModelError(LlamawattError):
    """A model file that is missing, broken or cannot be had."""


class MeterError(LlamawattError):
    """Nothing could be measured."""

    exit_code = 3


class TargetError(LlamawattError):
    """llama.cpp did not start, crashed, or answered wrongly."""

    exit_code = 4


class UncountedError(TargetError):
    """A server did not count the tokens of an answer."""


class RefusalError(TargetError):
    """A server answered, and did not do what it was asked.

    Args:
        what: The sentence.
        remedy: What can be done.
        status: HTTP status; 200 where the error stood inside an answer.
        said: The server's own words.
    """

    def __init__(self, what: str, remedy: str = "", *, status: int, said: str) -> None:
        super().__init__(what, remedy)
        self.status = status
        self.said = said


class NoTrialError(TargetError):
    """Not one trial of a run succeeded.

    Args:
        last: What the last of them failed with.
        path: The run directory, with every failure in it.
    """

    def __init__(self, last: str, path: Path) -> None:
        super().__init__(f"No trial succeeded. The last: {last}")
        self.path = path


class GateError(LlamawattError):
    """A gate measured "no": the comparison exceeded what the user allowed."""

    exit_code = 1


class Cancelled(LlamawattError):  # noqa: N818  (nothing went wrong)
    """The work was called off by whoever ordered it.

    Args:
        path: The run directory, where finished trials are; None when there is none yet.
    """

    exit_code = EXIT_INTERRUPTED

    def __init__(self, path: Path | None = None) -> None:
        where = f" Finished trials are in {path}." if path else ""
        super().__init__(f"The run was called off.{where}")
        self.path = path
