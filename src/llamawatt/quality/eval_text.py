"""The text on which quality is judged: the one shipped, or the user's own."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from llamawatt.core.errors import UsageError

SHIPPED = "english.txt"
LICENCE = "CC0-1.0"


@dataclass(frozen=True, slots=True)
class EvalText:
    """A text to predict.

    Attributes:
        name: Short name.
        text: The text.
        sha256: Of its UTF-8 bytes.
        source: Where it is from and under which licence.
    """

    name: str
    text: str
    sha256: str
    source: str


def load_text(path: Path | None = None) -> EvalText:
    """Return the shipped text, or the one at a path.

    Raises:
        UsageError: the file cannot be read, is empty or is no UTF-8.
    """
    if path is None:
        text = (files("llamawatt.quality") / "eval" / SHIPPED).read_text("utf-8")
        return _made("llamawatt-english", text, f"written for llamawatt, {LICENCE}")
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise UsageError(f"The text {path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no UTF-8 text.", "Convert it first.") from error
    if not text.strip():
        raise UsageError(f"The text {path} is empty.")
    return _made(path.name, text, str(path))


def _made(name: str, text: str, source: str) -> EvalText:
    return EvalText(name, text, hashlib.sha256(text.encode()).hexdigest(), source)
