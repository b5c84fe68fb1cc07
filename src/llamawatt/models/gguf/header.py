"""Reads the header of a GGUF, and nothing that a hostile one asks for beyond that.

The layout is ggml's docs/gguf.md. Nothing is allocated by a number in the file: every count is
held against the bytes that are left, and arrays are walked over, not built.
"""

import mmap
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from llamawatt.core.errors import ModelError
from llamawatt.models.file import MAGIC, require_gguf

Scalar: TypeAlias = int | float | bool | str

SCALARS = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?",
    10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip
"""GGUF value type → struct format."""
STRING, ARRAY = 8, 9
MAX_DIMENSIONS = 4
MAX_STRING_BYTES = 16 * 1024 * 1024
"""Longest string kept: chat templates are the longest in practice, some 10 kB."""
MAX_NUMBERS_KEPT = 1024
"""Longest array of whole numbers kept: more than any model has layers."""
WHOLE_KINDS = {0, 1, 2, 3, 4, 5, 7, 10, 11}
MIN_TENSOR_BYTES = 8 + 4 + 4 + 8
MIN_PAIR_BYTES = 8 + 4 + 1


@dataclass(frozen=True, slots=True)
class ArrayFact:
    """An array in the metadata.

    Attributes:
        n_items: Its length.
        numbers: Its items, where they are whole numbers or truths and few (one per layer); else
            empty.
    """

    n_items: int
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TensorFact:
    """One tensor as the header describes it.

    Attributes:
        name: As `blk.0.attn_q.weight`.
        shape: Dimensions, fastest first.
        type_id: ggml's number of its type.
        offset_bytes: From the start of the data.
    """

    name: str
    shape: tuple[int, ...]
    type_id: int
    offset_bytes: int

    @property
    def n_elements(self) -> int:
        """Number of weights."""
        count = 1
        for size in self.shape:
            count *= size
        return count


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a GGUF.

    Attributes:
        version: Of the format.
        metadata: Scalars by key; arrays by their length.
        tensors: In the order of the file.
        data_start_bytes: Where tensor data begin.
        file_bytes: Size of the file.
    """

    version: int
    metadata: dict[str, Scalar | ArrayFact] = field(default_factory=dict)
    tensors: tuple[TensorFact, ...] = ()
    data_start_bytes: int = 0
    file_bytes: int = 0

    def whole(self, key: str) -> int | None:
        """Return a whole number of the metadata; None when there is none."""
        value = self.metadata.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def numbers(self, key: str) -> tuple[int, ...]:
        """Return a short array of whole numbers of the metadata; empty when there is none."""
        value = self.metadata.get(key)
        return value.numbers if isinstance(value, ArrayFact) else ()


def read_header(path: Path) -> Header:
    """Read a GGUF's header.

    Raises:
        ModelError: the file is missing, no GGUF, cut short, or its header does not hold.
    """
    require_gguf(path)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return _Reader(data).header()
        except (struct.error, IndexError) as error:
            raise ModelError(
                f"{path} ends in the middle of its header.", "It was cut short; fetch it again."
            ) from error
        except _Unreadable as error:
            raise ModelError(f"{path} {error.what}.", error.remedy) from error
        except ValueError as error:
            raise ModelError(f"{path} is no sound GGUF: {error}.", "Fetch it again.") from error


class _Unreadable(Exception):  # noqa: N818  (turned into a ModelError above)
    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy


def _why_unreadable(version: int) -> tuple[str, str]:
    if version == 1:
        return (
            "is of GGUF version 1, of August 2023, which llama.cpp no longer reads",
            "Fetch a newer file of this model, or convert its original again.",
        )
    if version and version & 0xFFFF == 0:
        return (
            "is big-endian, made for machines such as IBM Z",
            "Turn a copy of it with `gguf-convert-endian FILE little` (it comes with the Python "
            "package gguf), or fetch the usual file of this model.",
        )
    return (
        f"is of GGUF version {version}, which is not known",
        "It needs a newer llamawatt, or is broken: fetch it again.",
    )


class _Reader:
    """Walks over the bytes. Raises ValueError for what does not hold, struct.error at the end."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._size = len(data)
        self._at = len(MAGIC)

    def header(self) -> Header:
        version = self._unsigned("<I")
        if version not in (2, 3):
            raise _Unreadable(*_why_unreadable(version))
        n_tensors = self._count("tensors", MIN_TENSOR_BYTES)
        n_pairs = self._count("metadata pairs", MIN_PAIR_BYTES)
        metadata = dict(self._pair() for _ in range(n_pairs))
        tensors = tuple(self._tensor() for _ in range(n_tensors))
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment <= 0 or alignment & (alignment - 1):
            raise ValueError(f"alignment {alignment!r} is no power of two")
        start = -(-self._at // alignment) * alignment
        return Header(version, metadata, tensors, start, self._size)

    def _pair(self) -> tuple[str, Scalar | ArrayFact]:
        key = self._string()
        return key, self._value(self._unsigned("<I"))

    def _value(self, kind: int) -> Scalar | ArrayFact:
        if kind == STRING:
            return self._string()
        if kind == ARRAY:
            return self._skip_array()
        if kind not in SCALARS:
            raise ValueError(f"value type {kind} is not known")
        (value,) = struct.unpack_from(SCALARS[kind], self._data, self._at)
        self._at += struct.calcsize(SCALARS[kind])
        return value  # type: ignore[no-any-return]  # struct's formats above give only scalars

    def _skip_array(self) -> ArrayFact:
        kind = self._unsigned("<I")
        if kind == ARRAY:
            raise ValueError("an array of arrays is not used by any model")
        if kind == STRING:
            count = self._count("strings", 8)
            for _ in range(count):
                self._skip(self._unsigned("<Q"))
            return ArrayFact(count)
        if kind not in SCALARS:
            raise ValueError(f"value type {kind} is not known")
        width = struct.calcsize(SCALARS[kind])
        count = self._count("array items", width)
        numbers: tuple[int, ...] = ()
        if kind in WHOLE_KINDS and count <= MAX_NUMBERS_KEPT:
            layout = f"<{count}{SCALARS[kind][1]}"
            numbers = tuple(map(int, struct.unpack_from(layout, self._data, self._at)))
        self._skip(count * width)
        return ArrayFact(count, numbers)

    def _tensor(self) -> TensorFact:
        name = self._string()
        n_dimensions = self._unsigned("<I")
        if not 1 <= n_dimensions <= MAX_DIMENSIONS:
            raise ValueError(f"tensor {name!r} has {n_dimensions} dimensions")
        shape = tuple(self._unsigned("<Q") for _ in range(n_dimensions))
        kind = self._unsigned("<I")
        return TensorFact(name, shape, kind, self._unsigned("<Q"))

    def _string(self) -> str:
        length = self._unsigned("<Q")
        if length > min(MAX_STRING_BYTES, self._size - self._at):
            raise ValueError(f"a string of {length} bytes does not fit into the file")
        text = self._data[self._at : self._at + length]
        self._at += length
        return text.decode("utf-8", "replace")

    def _unsigned(self, layout: str) -> int:
        (value,) = struct.unpack_from(layout, self._data, self._at)
        self._at += struct.calcsize(layout)
        return int(value)

    def _count(self, what: str, least_bytes: int) -> int:
        count = self._unsigned("<Q")
        if count * least_bytes > self._size - self._at:
            raise ValueError(f"{count} {what} do not fit into the file")
        return count

    def _skip(self, length: int) -> None:
        if length > self._size - self._at:
            raise ValueError(f"a stretch of {length} bytes does not fit into the file")
        self._at += length
