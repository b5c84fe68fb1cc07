"""Small GGUF files, sound and hostile, for the tests of this room."""

import struct
from pathlib import Path

import numpy as np
from gguf import GGUFWriter
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

STRING, ARRAY, UINT32 = 8, 9, 4


def write_model(
    path: Path,
    tensors: dict[str, tuple[tuple[int, ...], str]],
    facts: dict[str, int | bool | str] | None = None,
    lists: dict[str, list[int] | list[bool]] | None = None,
    architecture: str = "llama",
    n_vocab: int = 0,
) -> Path:
    """Write a GGUF of zeros: tensors by name as (shape slowest first, type)."""
    writer = GGUFWriter(path, architecture)
    for key, value in (facts or {}).items():
        if isinstance(value, bool):
            writer.add_bool(key, value)
        elif isinstance(value, str):
            writer.add_string(key, value)
        else:
            writer.add_uint32(key, value)
    for key, values in (lists or {}).items():
        writer.add_array(key, values)
    if n_vocab:
        writer.add_token_list([f"t{i}" for i in range(n_vocab)])
    for name, (shape, type_name) in tensors.items():
        kind = GGMLQuantizationType[type_name]
        block, block_bytes = GGML_QUANT_SIZES[kind]
        row_bytes = shape[-1] // block * block_bytes
        writer.add_tensor(name, np.zeros((*shape[:-1], row_bytes), np.uint8), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def text(value: str) -> bytes:
    """Encode a GGUF string."""
    return struct.pack("<Q", len(value)) + value.encode()


def head(n_tensors: int, n_pairs: int, version: int = 3) -> bytes:
    """Encode the start of a GGUF."""
    return b"GGUF" + struct.pack("<IQQ", version, n_tensors, n_pairs)


def with_types(path: Path, types: dict[str, int]) -> Path:
    """Give tensors of a file other type numbers, without touching their data."""
    raw = bytearray(path.read_bytes())
    for name, type_id in types.items():
        at = raw.index(text(name)) + 8 + len(name)
        (n_dimensions,) = struct.unpack_from("<I", raw, at)
        struct.pack_into("<I", raw, at + 4 + 8 * n_dimensions, type_id)
    path.write_bytes(bytes(raw))
    return path
