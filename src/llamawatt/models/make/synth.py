"""Random-weight models of a named shape: for speed and energy where weights cannot be had."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gguf import GGUFWriter
from gguf.constants import GGMLQuantizationType, LlamaFileType
from numpy.typing import NDArray

from llamawatt.core.errors import ModelError
from llamawatt.models.cache import landing, require_space
from llamawatt.models.file import Progress
from llamawatt.models.gguf.blocks import random_tile, tensor_size_bytes
from llamawatt.models.gguf.inspect import SYNTHETIC_KEY
from llamawatt.models.make.mix import full_name, tensor_type
from llamawatt.models.make.shapes import SHAPES, ModelShape
from llamawatt.models.make.vocabulary import BOS, EOS, UNKNOWN, tokenizer

QUANTIZATION_VERSION = 2
"""ggml's GGML_QNT_VERSION: the layout of today's blocks."""


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
    progress: Progress = lambda *_: None,
) -> Path:
    """Write a random-weight GGUF. It says in its metadata that it is one.

    Weights are random bits in valid blocks: the work, the bytes streamed and the toggling of
    wires are those of a real model of this shape; the text it generates means nothing. Tensors
    are written one after the other, so memory does not grow with the model.

    Args:
        shape_name: One of `SHAPES`.
        quantization: One of `mix.QUANTIZATIONS`, or its short name.
        path: Where to; it gets its name when it is whole.
        seed: Seed of the weights.
        progress: Hears the name, bytes so far and bytes in all.

    Raises:
        ModelError: the shape or quantisation is unknown, or the disk is full.
    """
    shape = SHAPES.get(shape_name)
    if shape is None:
        raise ModelError(f"There is no shape {shape_name!r}.", f"Known are {', '.join(SHAPES)}.")
    quantization = full_name(quantization)
    tensors = tuple(_tensors(shape, quantization))
    total_bytes = sum(tensor.size_bytes for tensor in tensors)
    with landing(path) as part:
        require_space(path.parent, total_bytes)
        writer = GGUFWriter(part, shape.architecture)
        try:
            _write_header(writer, shape_name, shape, quantization, tensors)
            _write_data(writer, tensors, seed, progress)
        finally:
            writer.close()
    return path


def _write_header(
    writer: GGUFWriter,
    shape_name: str,
    shape: ModelShape,
    quantization: str,
    tensors: tuple[_Tensor, ...],
) -> None:
    writer.add_name(f"synthetic {shape_name} {quantization} (random weights)")
    writer.add_bool(SYNTHETIC_KEY, True)
    writer.add_file_type(LlamaFileType[f"MOSTLY_{quantization}"])
    writer.add_quantization_version(QUANTIZATION_VERSION)
    _add_dimensions(writer, shape)
    _add_tokenizer(writer, shape.n_vocab)
    for tensor in tensors:
        _declare(writer, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()


def _declare(writer: GGUFWriter, tensor: _Tensor) -> None:
    # Shapes are slowest first here, and rows of blocks in bytes, as GGUFWriter wants them.
    if tensor.type_name in {"F16", "F32"}:
        kind = np.float16 if tensor.type_name == "F16" else np.float32
        writer.add_tensor_info(tensor.name, tensor.shape, np.dtype(kind), tensor.size_bytes)
        return
    in_bytes = (*tensor.shape[:-1], tensor_size_bytes(tensor.type_name, tensor.shape[-1]))
    raw = GGMLQuantizationType[tensor.type_name]
    writer.add_tensor_info(
        tensor.name, in_bytes, np.dtype(np.uint8), tensor.size_bytes, raw_dtype=raw
    )


def _write_data(
    writer: GGUFWriter,
    tensors: tuple[_Tensor, ...],
    seed: int,
    progress: Progress,
) -> None:
    tiles: dict[str, NDArray[np.uint8]] = {}
    total_bytes, done_bytes = sum(tensor.size_bytes for tensor in tensors), 0
    files = writer.fout
    if not files:
        raise ModelError("The GGUF writer opened no file.")
    file = files[0]
    for tensor in tensors:
        if tensor.type_name not in tiles:
            tiles[tensor.type_name] = random_tile(tensor.type_name, seed)
        # Piece by piece, so that memory holds one tile and not one tensor.
        writer.write_padding(file, file.tell())
        for piece in _pieces(tensor, tiles[tensor.type_name]):
            file.write(piece)
        writer.write_padding(file, tensor.size_bytes)
        done_bytes += tensor.size_bytes
        progress("synthetic model", done_bytes, total_bytes)


def _pieces(tensor: _Tensor, tile: NDArray[np.uint8]) -> Iterator[memoryview]:
    if tensor.name.endswith("norm.weight"):
        yield np.ones(tensor.shape, np.float32).data.cast("B")
    elif tensor.name.endswith(".bias"):
        yield memoryview(bytes(tensor.size_bytes))
    else:
        for start in range(0, tensor.size_bytes, tile.nbytes):
            yield tile.data[: min(tile.nbytes, tensor.size_bytes - start)]


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


def _add_dimensions(writer: GGUFWriter, shape: ModelShape) -> None:
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


def _add_tokenizer(writer: GGUFWriter, n_vocab: int) -> None:
    tokens, scores, kinds = tokenizer(n_vocab)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(EOS)
    writer.add_unk_token_id(UNKNOWN)
    writer.add_add_bos_token(True)
