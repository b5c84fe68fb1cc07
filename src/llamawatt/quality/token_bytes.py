"""How many bytes of text each token of a vocabulary stands for."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SPACE = "▁"
"""SentencePiece's space."""
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
NORMAL, USER_DEFINED, BYTE = 1, 4, 6
"""Token types that stand for text."""


def token_bytes(path: Path) -> NDArray[np.int64] | None:
    """Return bytes of text per token, shape (n_vocab,); None for vocabularies not understood.

    Byte-level BPE (`gpt2`) writes each byte as one character; SentencePiece (`llama`) writes UTF-8
    with its own space and has tokens for single bytes. Control tokens stand for no text.
    """
    from gguf import GGUFReader  # noqa: PLC0415  (slow to import)

    fields = GGUFReader(path).fields
    model = fields.get("tokenizer.ggml.model")
    tokens = fields.get("tokenizer.ggml.tokens")
    kinds = fields.get("tokenizer.ggml.token_type")
    if model is None or tokens is None or model.contents() not in {"gpt2", "llama"}:
        return None
    by_characters = model.contents() == "gpt2"
    texts = [str(bytes(tokens.parts[part]), "utf-8", "replace") for part in tokens.data]
    types = kinds.contents() if kinds is not None else [NORMAL] * len(texts)
    sizes = [_size(text, int(kind), by_characters) for text, kind in zip(texts, types, strict=True)]
    return np.array(sizes, np.int64)


def _size(text: str, kind: int, by_characters: bool) -> int:
    if kind == USER_DEFINED:
        return len(text.encode())
    if kind not in {NORMAL, BYTE}:
        return 0
    if by_characters:
        return len(text)
    return 1 if _BYTE.fullmatch(text) else len(text.replace(SPACE, " ").encode())
