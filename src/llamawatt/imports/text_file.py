"""Text files of other tools, in whatever encoding they were written."""

import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from llamawatt.core.errors import UsageError

_BOMS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_LINE_END = re.compile(r"\r\n|\r|\n")
_CONTROL = re.compile(r"[\x01-\x08\x0e-\x1a\x1c-\x1f]")
MAX_CONTROL_SHARE = 0.01
"""Text holds hardly any control characters; a binary file is full of them."""
UTF16_SHARE = 0.3
"""Text of Latin letters in UTF-16 is nearly half zero bytes, all on one side."""


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file as lines.

    Attributes:
        path: Where it is.
        lines: Its lines, without their ends.
        is_ended: Whether the last line has its line end; one that was cut by a kill has not.
        encoding: How it was decoded.
    """

    path: Path
    lines: tuple[str, ...]
    is_ended: bool = True
    encoding: str = "utf-8"

    @property
    def text(self) -> str:
        """The whole text."""
        return "\n".join(self.lines)

    def head(self, n_lines: int = 40) -> tuple[str, ...]:
        """Return the first lines that are not blank."""
        return tuple(islice((line for line in self.lines if line.strip()), n_lines))


def read_text_file(path: Path) -> TextFile:
    """Read a text file in UTF-8, UTF-16, UTF-32 or, failing those, Latin-1.

    Raises:
        UsageError: it cannot be read, is no text, or is empty.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise UsageError(f"{str(path)!r} is not the name of a file ({error}).") from error
    text, encoding = _decoded(path, data)
    text = text.strip("\0").lstrip("\ufeff")
    if not text.strip():
        raise UsageError(f"{path} is empty.", "Name the log as the tool wrote it.")
    lines = _LINE_END.split(text)
    is_ended = lines[-1] == ""
    return TextFile(path, tuple(lines[:-1] if is_ended else lines), is_ended, encoding)


def _decoded(path: Path, data: bytes) -> tuple[str, str]:
    encoding = next((name for bom, name in _BOMS if data.startswith(bom)), _without_bom(data))
    for name in (encoding, "latin-1"):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        is_fallback = name == "latin-1"
        if len(_CONTROL.findall(text)) > MAX_CONTROL_SHARE * len(text):
            break
        if is_fallback and "\0" in text:
            break
        return text, name
    raise UsageError(f"{path} is no text file.", "Name the log as the tool wrote it.")


def _without_bom(data: bytes) -> str:
    """Guess UTF-16 by where the zero bytes of Latin letters lie."""
    if len(data) < 4 or len(data) % 2:
        return "utf-8"
    for offset, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        side, other = data[offset::2], data[1 - offset :: 2]
        if side.count(0) > 2 * UTF16_SHARE * len(side) and other.count(0) < 0.1 * len(other):
            return name
    return "utf-8"
