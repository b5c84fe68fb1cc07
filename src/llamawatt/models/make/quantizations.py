"""The quantisations that llama.cpp makes: names, numbers, and which want an importance matrix."""

from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType, LlamaFileType

from llamawatt.core.errors import ModelError
from llamawatt.models.gguf.labels import base_type

QUANTIZATIONS = (
    "F16", "BF16", "Q8_0", "Q6_K", "Q5_K_M", "Q5_K_S", "Q5_1", "Q5_0",
    "Q4_K_M", "Q4_K_S", "Q4_1", "Q4_0", "IQ4_NL", "IQ4_XS",
    "Q3_K_L", "Q3_K_M", "Q3_K_S", "IQ3_M", "IQ3_S", "IQ3_XS", "IQ3_XXS",
    "Q2_K", "Q2_K_S", "IQ2_M", "IQ2_S", "IQ2_XS", "IQ2_XXS", "IQ1_M", "IQ1_S", "TQ2_0", "TQ1_0",
)  # fmt: skip
"""From most to fewest bits."""
ALIASES = {"Q5_K": "Q5_K_M", "Q4_K": "Q4_K_M", "Q3_K": "Q3_K_M"}
NEED_IMATRIX = frozenset(
    {"IQ3_XXS", "IQ3_XS", "IQ2_M", "IQ2_S", "IQ2_XS", "IQ2_XXS", "IQ1_M", "IQ1_S", "Q2_K_S"}
)
"""llama.cpp refuses to make these without an importance matrix."""
FULL_TYPES = frozenset({"F32", "F16", "BF16"})
"""Tensor types that have lost nothing yet."""
SIZE_MARGIN = 1.35
"""Output and embedding get more bits than the name says; small models feel it most."""


def known_name(name: str) -> str:
    """Return a quantisation's full name.

    Raises:
        ModelError: llama.cpp makes none of that name.
    """
    upper = name.upper()
    full = ALIASES.get(upper, upper)
    if full not in QUANTIZATIONS:
        raise ModelError(
            f"There is no quantisation {name!r}.", f"Known are {', '.join(QUANTIZATIONS)}."
        )
    return full


def file_type_number(name: str) -> int:
    """Return llama.cpp's `llama_ftype` of a full name."""
    return int(LlamaFileType[f"MOSTLY_{name}"])


def likely_size_bytes(name: str, n_params: int) -> int:
    """Return about how large a model becomes, on the safe side."""
    block, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType[base_type(name)]]
    return int(n_params * block_bytes / block * SIZE_MARGIN)
