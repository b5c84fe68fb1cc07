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
    numbers: dict[str, int] | None = None,
    lists: dict[str, list[int]] | None = None,
    architecture: str = "llama",
    n_vocab: int = 0,
) -> Path:
    """Write a GGUF of zeros: tensors by name as (shape slowest first, type)."""
    writer = GGUFWriter(path, architecture)
    for key, value in (numbers or {}).items():
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
