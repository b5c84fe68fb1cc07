"""Random but valid quantised blocks: finite weights of the size that a trained model has."""

from dataclasses import dataclass

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from numpy.typing import NDArray

WEIGHT_STD = 0.02
"""Spread of the weights: as transformers are initialised (GPT-2), so activations stay finite."""
TILE_BYTES = 8 * 1024 * 1024
"""Random bytes made once and repeated: more than a cache holds, and quick."""


@dataclass(frozen=True, slots=True)
class ScaleField:
    """Where a block keeps a half-precision scale, and what to put there."""

    offset_bytes: int
    value: float


# Layouts are those of ggml-common.h. A scale is WEIGHT_STD over the spread of uniformly random
# quants times sub-scales; a minimum is placed so that the weights' mean is near zero.
_Q4_SPREAD, _Q5_SPREAD, _Q8_SPREAD = 4.61, 9.23, 73.9
_K_SCALE_MEAN = 31.5
SCALES: dict[str, tuple[ScaleField, ...]] = {
    "Q4_0": (ScaleField(0, WEIGHT_STD / _Q4_SPREAD),),
    "Q4_1": (
        ScaleField(0, WEIGHT_STD / _Q4_SPREAD),
        ScaleField(2, -7.5 * WEIGHT_STD / _Q4_SPREAD),
    ),
    "Q5_0": (ScaleField(0, WEIGHT_STD / _Q5_SPREAD),),
    "Q5_1": (
        ScaleField(0, WEIGHT_STD / _Q5_SPREAD),
        ScaleField(2, -15.5 * WEIGHT_STD / _Q5_SPREAD),
    ),
    "Q8_0": (ScaleField(0, WEIGHT_STD / _Q8_SPREAD),),
    "Q2_K": (ScaleField(80, WEIGHT_STD / 8.4), ScaleField(82, 1.5 * WEIGHT_STD / 8.4)),
    "Q3_K": (ScaleField(108, WEIGHT_STD / 42.0),),
    "Q4_K": (
        ScaleField(0, WEIGHT_STD / (_K_SCALE_MEAN * _Q4_SPREAD)),
        ScaleField(2, 7.5 * WEIGHT_STD / (_K_SCALE_MEAN * _Q4_SPREAD)),
    ),
    "Q5_K": (
        ScaleField(0, WEIGHT_STD / (_K_SCALE_MEAN * _Q5_SPREAD)),
        ScaleField(2, 15.5 * WEIGHT_STD / (_K_SCALE_MEAN * _Q5_SPREAD)),
    ),
    "Q6_K": (ScaleField(208, WEIGHT_STD / (_Q8_SPREAD * 18.5)),),
}


def tensor_size_bytes(type_name: str, n_elements: int) -> int:
    """Return the size of a tensor of a type."""
    block, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType[type_name]]
    return int(n_elements // block * block_bytes)


def block_width(type_name: str) -> int:
    """Return how many weights a block of a type holds."""
    return int(GGML_QUANT_SIZES[GGMLQuantizationType[type_name]][0])


def random_tile(type_name: str, seed: int) -> NDArray[np.uint8]:
    """Return whole random blocks of a type, about `TILE_BYTES` of them, shape (n,)."""
    rng = np.random.default_rng(seed)
    if type_name in {"F16", "F32"}:
        kind = np.float16 if type_name == "F16" else np.float32
        n_values = TILE_BYTES // np.dtype(kind).itemsize
        values = rng.normal(0.0, WEIGHT_STD, n_values).astype(kind)
        return values.view(np.uint8)
    _, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType[type_name]]
    n_blocks = TILE_BYTES // block_bytes
    blocks = rng.integers(0, 256, (n_blocks, block_bytes), dtype=np.uint8)
    for field in SCALES[type_name]:
        scale = np.array([field.value], np.float16).view(np.uint8)
        blocks[:, field.offset_bytes : field.offset_bytes + 2] = scale
    return blocks.reshape(-1)
