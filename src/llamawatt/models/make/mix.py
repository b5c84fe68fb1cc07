"""Which type each tensor gets for a quantisation's name, as llama-quantize chooses them.

Follows llama.cpp's `llama_tensor_get_type` for dense llama-like models.
"""

from llamawatt.core.errors import ModelError
from llamawatt.models.gguf.blocks import block_width
from llamawatt.models.make.shapes import ModelShape

PLAIN = ("F16", "Q8_0", "Q5_0", "Q4_1", "Q4_0")
MIXED = {"Q4_K_M": "Q4_K", "Q3_K_M": "Q3_K", "Q2_K": "Q2_K"}
QUANTIZATIONS = (*PLAIN, *MIXED)
ALIASES = {"Q4_K": "Q4_K_M", "Q3_K": "Q3_K_M"}
"""Short names, as llama-quantize takes them."""
FALLBACKS = {"Q2_K": "Q4_0", "Q3_K": "Q4_0", "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
"""For rows that are no multiple of 256, which K-quants need."""
LEAST_GROUP = 4
"""Query heads per key head from which llama-quantize spends more bits on Q2_K's values."""


def full_name(quantization: str) -> str:
    """Return a quantisation's full name: `q4_k` is `Q4_K_M`.

    Raises:
        ModelError: it is not known.
    """
    name = ALIASES.get(quantization.upper(), quantization.upper())
    if name not in QUANTIZATIONS:
        known = ", ".join(QUANTIZATIONS)
        raise ModelError(f"There is no quantisation {quantization!r} here.", f"Known are {known}.")
    return name


def tensor_type(quantization: str, tensor: str, layer: int, shape: ModelShape, width: int) -> str:
    """Return the type of one tensor.

    Args:
        quantization: One of `QUANTIZATIONS`.
        tensor: Its role: `token_embd`, `output`, `attn_v`, `ffn_down`, …
        layer: Which block; -1 outside of blocks.
        shape: The model.
        width: Length of its rows.
    """
    wanted = _wanted(quantization, tensor, layer, shape)
    while width % block_width(wanted):
        wanted = FALLBACKS[wanted]
    return wanted


def _wanted(quantization: str, tensor: str, layer: int, shape: ModelShape) -> str:
    if quantization in {"F16", "Q8_0"}:
        return quantization
    if tensor == "output" or (tensor == "token_embd" and shape.tied):
        return "Q6_K"
    base = MIXED.get(quantization, quantization)
    more = _more_bits(layer, shape.n_layers)
    special = {
        "Q2_K": {
            "attn_v": "Q4_K" if shape.n_heads // shape.n_kv_heads >= LEAST_GROUP else "Q3_K",
            "ffn_down": "Q3_K",
            "attn_output": "Q3_K",
        },
        "Q3_K_M": {
            "attn_v": "Q5_K" if layer < 2 else "Q4_K",
            "ffn_down": "Q5_K" if layer < shape.n_layers // 16 else "Q4_K",
            "attn_output": "Q4_K",
        },
        "Q4_K_M": {
            "attn_v": "Q6_K" if more else "Q4_K",
            "ffn_down": "Q6_K" if more else "Q4_K",
        },
    }
    return special.get(quantization, {}).get(tensor, base)


def _more_bits(layer: int, n_layers: int) -> bool:
    """First and last eighth, and every third block between."""
    eighth = n_layers // 8
    return layer < eighth or layer >= 7 * n_layers // 8 or (layer - eighth) % 3 == 2
