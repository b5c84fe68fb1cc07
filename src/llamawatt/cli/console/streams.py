"""Output that survives its reader: a closed pipe, and a terminal that knows few characters."""

import codecs
import errno
import io
import sys
from typing import TextIO

SPELLINGS = {
    "±": "+-", "×": "x", "–": "-", "—": "-", "−": "-", "·": ".", "…": "...", "→": "->", "≥": ">=",
    "≤": "<=", "≈": "~", "µ": "u", "Δ": "d", "’": "'", "“": '"', "”": '"', "°": " deg ",
    "²": "^2", "³": "^3",
}  # fmt: skip
"""How characters are spelled where the output's encoding lacks them; others become `?`."""
CLOSED = {errno.EPIPE, errno.EINVAL, errno.ESHUTDOWN}
"""How systems say that nobody reads any more (Windows says EINVAL)."""
_RULE = "llamawatt-spell"


class _Unread(io.FileIO):
    """A file whose writes go nowhere once its reader has gone, as after `| head -2`."""

    def write(self, data: "io.ReadableBuffer") -> int:  # type: ignore[name-defined]
        try:
            return super().write(data) or 0
        except OSError as error:
            if error.errno not in CLOSED:
                raise
            return len(data)


def spelled(error: UnicodeError) -> tuple[str, int]:
    """Spell what cannot be encoded: an error handler for codecs."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_plain(each) for each in error.object[error.start : error.end]), error.end


def _plain(character: str) -> str:
    return SPELLINGS.get(character, "?")


def make_sturdy() -> None:
    """Have stdout and stderr outlive their readers and spell what they cannot encode."""
    codecs.register_error(_RULE, spelled)
    sys.stdout, sys.stderr = _sturdy(sys.stdout), _sturdy(sys.stderr)


def _sturdy(stream: TextIO) -> TextIO:
    """Return a stream on the same descriptor; the same one where there is no descriptor."""
    try:
        descriptor = stream.fileno()
        stream.flush()
    except (AttributeError, OSError, ValueError):  # none at all, closed, or a test's
        return stream
    buffer = io.BufferedWriter(_Unread(descriptor, "wb", closefd=False))
    return io.TextIOWrapper(
        buffer,
        encoding=stream.encoding,
        errors=_RULE,
        line_buffering=stream.isatty() or stream is sys.stderr,
        write_through=stream is sys.stderr,
    )


def ascii_json(text: str) -> str:
    """Return JSON with every character outside ASCII escaped, so that any output can carry it."""
    return "".join(each if each.isascii() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    pairs = (units[at : at + 2].hex() for at in range(0, len(units), 2))
    return "".join(f"\\u{pair}" for pair in pairs)
