"""Holds what a file's name and header promise against the tensors it has."""

import re
from collections.abc import Iterator, Mapping

from gguf.constants import LlamaFileType

from llamawatt.models.gguf.tensor_types import KNOWN_NAMES

_LABEL = re.compile(
    r"(?i)(?<![A-Z0-9])(IQ\d_[A-Z]+|TQ\d_\d|Q\d_K(?:_[SML])?|Q\d_\d|MXFP4(?:_MOE)?|NVFP4"
    r"|I2_S|BF16|F16|F32)(?![A-Z0-9])"
)
_BASES = {
    "IQ2_M": "IQ2_S", "IQ2_S": "IQ2_XS", "IQ3_M": "IQ3_S", "IQ3_XS": "IQ3_S",
}  # fmt: skip
"""Quantisations named after no tensor type: the type that llama-quantize gives most tensors."""
SMALL_SHARE = 0.5
"""Below this share of the weights, a label says less than half of the truth."""


def base_type(label: str) -> str:
    """Return the tensor type that a quantisation is named after: `Q3_K_M` is `Q3_K`."""
    upper = label.upper()
    return _BASES.get(upper, re.sub(r"_K_[SML]$", "_K", upper).removesuffix("_MOE"))


def label_in(name: str) -> str | None:
    """Return the quantisation that a file name claims; None when it claims none."""
    found = _LABEL.findall(name)
    return found[-1].upper() if found else None


def label_of_file_type(file_type: int) -> str | None:
    """Return the quantisation that `general.file_type` claims; None when unknown.

    A bit says that it was guessed when the file was written; it is left out.
    """
    try:
        name = str(LlamaFileType(file_type & ~LlamaFileType.GUESSED).name)
    except ValueError:
        return None
    return name.removeprefix("MOSTLY_").removeprefix("ALL_")


def doubts(
    claims: Mapping[str, str], weights: Mapping[str, int], bits_per_weight: float
) -> Iterator[str]:
    """Yield a sentence for every claim that the tensors do not bear out.

    Args:
        claims: Who claims → which quantisation, as {"name": "Q2_K"}.
        weights: Number of weights by tensor type, of the tensors that a quantisation touches.
        bits_per_weight: Of the whole file.
    """
    total = sum(weights.values())
    for who, label in claims.items():
        base = base_type(label)
        if base not in KNOWN_NAMES:
            continue  # of an old or foreign llama.cpp: nothing to hold it against
        share = weights.get(base, 0) / total if total else 0.0
        real = f"really {bits_per_weight:.2f} bits per weight"
        if share == 0.0:
            held = ", ".join(weights)
            yield f"The {who} says {label}, but no tensor is {base}: it holds {held}, {real}."
        elif share < SMALL_SHARE:
            yield f"The {who} says {label}, but only {share:.0%} of the weights are {base}, {real}."
