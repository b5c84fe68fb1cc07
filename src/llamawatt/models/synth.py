"""Random-weight models of a named shape: for speed and energy where weights cannot be had."""

import itertools
import os
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gguf import GGUFWriter
from gguf.constants import GGMLQuantizationType, TokenType
from numpy.typing import NDArray

from llamawatt.core.errors import ModelError
from llamawatt.models.blocks import random_tile, tensor_size_bytes
from llamawatt.models.cache import require_space
from llamawatt.models.inspect import SYNTHETIC_KEY
from llamawatt.models.mix import tensor_type
from llamawatt.models.shapes import SHAPES, ModelShape

N_SPECIAL = 3
N_BYTES = 256
Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True)
class _Tensor:
    name: str
    shape: tuple[int, ...]
    type_name: str

    @property
    def size_bytes(self) -> int:
        return tensor_size_bytes(self.type_name, int(np.prod(self.shape)))


def synthesize(
    shape_name: str,
    quantization: str,
    path: Path,
    seed: int = 0,
    progress: Progress | None = None,
) -> Path:
    """Write a random-weight GGUF. It says in its metadata that it is one.

    Weights are random bits in valid blocks: the work, the bytes streamed and the toggling of
    wires are those of a real model of this shape; the text it generates means nothing. Tensors
    are written one after the other, so memory does not grow with the model.

    Args:
        shape_name: One of `SHAPES`.
        quantization: One of `mix.QUANTIZATIONS`.
        path: Where to; it gets its name when it is whole.
        seed: Seed of the weights.
        progress: Hears the name, bytes so far and bytes in all.

    Raises:
        ModelError: the shape or quantisation is unknown, or the disk is full.
    """
    shape = SHAPES.get(shape_name)
    if shape is None:
        raise ModelError(f"There is no shape {shape_name!r}.", f"Known are {', '.join(SHAPES)}.")
    tensors = tuple(_tensors(shape, quantization))
    total_bytes = sum(tensor.size_bytes for tensor in tensors)
    path.parent.mkdir(parents=True, exist_ok=True)
    require_space(path.parent, total_bytes)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        _write(part, shape_name, shape, quantization, tensors, seed, progress)
        part.replace(path)
    except OSError as error:
        raise ModelError(f"{path} could not be written ({error.strerror}).") from error
    finally:
        part.unlink(missing_ok=True)
    return path


def _write(
    part: Path,
    shape_name: str,
    shape: ModelShape,
    quantization: str,
    tensors: tuple[_Tensor, ...],
    seed: int,
    progress: Progress | None,
) -> None:
    writer = GGUFWriter(part, shape.architecture)
    _metadata(writer, f"synthetic {shape_name} {quantization} (random weights)", shape)
    for tensor in tensors:
        # Shapes are given slowest first here, and rows in bytes, as GGUFWriter wants them.
        row_bytes = tensor_size_bytes(tensor.type_name, tensor.shape[-1])
        if tensor.type_name in {"F16", "F32"}:
            kind = np.float16 if tensor.type_name == "F16" else np.float32
            writer.add_tensor_info(tensor.name, tensor.shape, np.dtype(kind), tensor.size_bytes)
        else:
            in_bytes = (*tensor.shape[:-1], row_bytes)
            raw = GGMLQuantizationType[tensor.type_name]
            writer.add_tensor_info(
                tensor.name, in_bytes, np.dtype(np.uint8), tensor.size_bytes, raw_dtype=raw
            )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    _write_data(writer, tensors, seed, progress)
    writer.close()


def _write_data(
    writer: GGUFWriter, tensors: tuple[_Tensor, ...], seed: int, progress: Progress | None
) -> None:
    tiles: dict[str, NDArray[np.uint8]] = {}
    total_bytes, done_bytes = sum(tensor.size_bytes for tensor in tensors), 0
    for tensor in tensors:
        if tensor.type_name not in tiles:
            tiles[tensor.type_name] = random_tile(tensor.type_name, seed)
        writer.write_tensor_data(_data(tensor, tiles[tensor.type_name]))
        done_bytes += tensor.size_bytes
        if progress is not None:
            progress("synthetic model", done_bytes, total_bytes)


def _data(tensor: _Tensor, tile: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if tensor.name.endswith("norm.weight"):
        return np.ones(tensor.shape, np.float32).view(np.uint8)
    if tensor.name.endswith(".bias"):
        return np.zeros(tensor.shape, np.float32).view(np.uint8)
    return np.resize(tile, tensor.size_bytes)


def _tensors(shape: ModelShape, quantization: str) -> Iterator[_Tensor]:
    kv_width = shape.n_kv_heads * shape.n_head_dim

    def matrix(role: str, rows: int, width: int, layer: int = -1) -> _Tensor:
        prefix = f"blk.{layer}." if layer >= 0 else ""
        kind = tensor_type(quantization, role, layer, shape, width)
        return _Tensor(f"{prefix}{role}.weight", (rows, width), kind)

    yield matrix("token_embd", shape.n_vocab, shape.n_embd)
    yield _Tensor("output_norm.weight", (shape.n_embd,), "F32")
    if not shape.tied:
        yield matrix("output", shape.n_vocab, shape.n_embd)
    for layer in range(shape.n_layers):
        yield _Tensor(f"blk.{layer}.attn_norm.weight", (shape.n_embd,), "F32")
        yield _Tensor(f"blk.{layer}.ffn_norm.weight", (shape.n_embd,), "F32")
        yield matrix("attn_q", shape.n_embd, shape.n_embd, layer)
        yield matrix("attn_k", kv_width, shape.n_embd, layer)
        yield matrix("attn_v", kv_width, shape.n_embd, layer)
        yield matrix("attn_output", shape.n_embd, shape.n_embd, layer)
        yield matrix("ffn_gate", shape.n_ff, shape.n_embd, layer)
        yield matrix("ffn_up", shape.n_ff, shape.n_embd, layer)
        yield matrix("ffn_down", shape.n_embd, shape.n_ff, layer)
        if shape.biased:
            yield _Tensor(f"blk.{layer}.attn_q.bias", (shape.n_embd,), "F32")
            yield _Tensor(f"blk.{layer}.attn_k.bias", (kv_width,), "F32")
            yield _Tensor(f"blk.{layer}.attn_v.bias", (kv_width,), "F32")


def _metadata(writer: GGUFWriter, name: str, shape: ModelShape) -> None:
    writer.add_name(name)
    writer.add_bool(SYNTHETIC_KEY, True)
    writer.add_block_count(shape.n_layers)
    writer.add_context_length(shape.n_ctx)
    writer.add_embedding_length(shape.n_embd)
    writer.add_feed_forward_length(shape.n_ff)
    writer.add_head_count(shape.n_heads)
    writer.add_head_count_kv(shape.n_kv_heads)
    writer.add_rope_dimension_count(shape.n_head_dim)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(shape.n_vocab)
    tokens, scores, kinds = tokenizer(shape.n_vocab)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)


def tokenizer(n_vocab: int) -> tuple[list[str], list[float], list[int]]:
    """Return tokens, scores and types of a made-up vocabulary of a given size.

    Special tokens, all bytes, then groups of one to three letters, so that English text comes to
    about as many tokens as in a trained vocabulary; the rest are never met.
    """
    letters = "▁" + string.ascii_lowercase
    groups = itertools.chain.from_iterable(
        ("".join(part) for part in itertools.product(letters, repeat=size)) for size in (1, 2, 3)
    )
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{value:02X}>" for value in range(N_BYTES))]
    room = n_vocab - len(tokens)
    if room < 0:
        raise ModelError(f"A vocabulary of {n_vocab} is too small for its bytes.")
    words = list(itertools.islice(groups, room))
    tokens += words
    tokens += [f"<unused{number}>" for number in range(n_vocab - len(tokens))]
    scores = [0.0] * (N_SPECIAL + N_BYTES) + [-float(i) for i in range(room)]
    kinds = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL]
    kinds += [TokenType.BYTE] * N_BYTES + [TokenType.NORMAL] * len(words)
    kinds += [TokenType.UNUSED] * (n_vocab - len(kinds))
    return tokens, scores, [int(kind) for kind in kinds]
