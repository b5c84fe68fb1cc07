"""Which weights are read to decode one token of text."""

import re
from collections.abc import Mapping

from llamawatt.models.gguf.header import Header, TensorFact

EMBEDDING, OUTPUT = "token_embd.weight", "output.weight"
_BLOCK = re.compile(r"(?:dec\.)?blk\.(\d+)\.")
_ROOT = re.compile(r"[^.]+\.(?:weight|bias|scale|input_scale)")
"""A tensor of the model itself. Whatever has more words before the last is part of something
beside it: a tower for images or sound (`v.blk.0.…`, `mm.0.weight`), an encoder, a draft head."""
_LOOKED_UP = re.compile(r"(?:_embd|token_types)\.weight$")
_EXPERT = re.compile(r"_(?:ch)?exps\.|\.ffn_(?:gate|up|down)\.\d+\.")
"""Experts of a layer in one tensor, or one tensor each as in the first files of Mixtral."""


def n_main_layers(header: Header, architecture: str) -> int | None:
    """Return the layers that every token passes: all but those that predict tokens ahead (MTP)."""
    n_layers = header.whole(f"{architecture}.block_count")
    ahead = header.whole(f"{architecture}.nextn_predict_layers") or 0
    return None if n_layers is None else max(0, n_layers - ahead)


def streamed_bytes(header: Header, architecture: str, sizes_bytes: Mapping[str, int]) -> float:
    """Return the bytes of weights read to decode one token of text.

    Of a table of rows (the embedding, positions) one row is looked up, unless the same matrix is
    the output as well; of experts only the active ones count; towers for images and sound, and
    layers that predict tokens ahead, are not read.
    """
    n_layers = n_main_layers(header, architecture)
    used = header.whole(f"{architecture}.expert_used_count")
    n_experts = header.whole(f"{architecture}.expert_count")
    active = min(1.0, used / n_experts) if used and n_experts else 1.0
    tied = OUTPUT not in sizes_bytes
    total_bytes = 0.0
    for tensor in header.tensors:
        share = _share(tensor, n_layers, tied)
        if _EXPERT.search(tensor.name):
            share *= active
        total_bytes += share * sizes_bytes[tensor.name]
    return total_bytes


def _share(tensor: TensorFact, n_layers: int | None, tied: bool) -> float:
    block = _BLOCK.match(tensor.name)
    if block is not None:
        return 1.0 if n_layers is None or int(block.group(1)) < n_layers else 0.0
    if not _ROOT.fullmatch(tensor.name):
        return 0.0
    if tied and tensor.name == EMBEDDING:
        return 1.0
    if _LOOKED_UP.search(tensor.name) and len(tensor.shape) > 1:
        return 1.0 / max(1, tensor.shape[1])
    return 1.0
