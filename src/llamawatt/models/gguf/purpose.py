"""Whether a GGUF generates text, and what it is if it does not."""

import re

from llamawatt.models.gguf.header import Header

_TYPES = {
    "adapter": "it is a LoRA adapter, which is applied to a model",
    "mmproj": "it is a projector of images or sound, which goes with a model",
    "imatrix": "it is an importance matrix for llama-quantize",
    "vocab": "it holds a vocabulary alone",
    "controlvector": "it is a control vector, which is applied to a model",
}
"""By `general.type`, which llama.cpp's converters write."""
_ARCHITECTURES = {"clip": "mmproj", "controlvector": "controlvector", "imatrix": "imatrix"}
_EMBEDS = re.compile(r"bert|encoder$|embed")
"""In the names of architectures that turn text into vectors: bert, nomic-bert, t5encoder …"""


def why_it_does_not_generate(header: Header, architecture: str) -> str:
    """Return why a file generates no text, as the rest of a sentence; empty when it does."""
    said = str(header.metadata.get("general.type", "")).lower()
    kind = _ARCHITECTURES.get(architecture.lower(), said)
    names = [tensor.name for tensor in header.tensors]
    if "adapter.type" in header.metadata or any(".lora_" in name for name in names):
        kind = "adapter"
    if kind in _TYPES:
        return _TYPES[kind]
    if not names:
        return _TYPES["vocab"]
    causal = header.metadata.get(f"{architecture}.attention.causal", True)
    if _EMBEDS.search(architecture.lower()) or causal is False:
        return "it reads a text in both directions, to embed or classify it"
    if any(name.startswith("cls.") for name in names):
        return "it classifies or ranks texts"
    return ""
