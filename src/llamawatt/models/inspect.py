"""What a GGUF really holds: layers, bits per weight, bytes streamed per token, cache size."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

from llamawatt.core.errors import ModelError
from llamawatt.core.plan import ModelRecord
from llamawatt.models.cache import known_sha256
from llamawatt.models.file import ModelFile
from llamawatt.models.gguf_header import ArrayFact, Header, TensorFact, read_header

SYNTHETIC_KEY = "llamawatt.synthetic"
CACHE_TYPES = ("f16", "q8_0", "q4_0")
EMBEDDING, OUTPUT = "token_embd.weight", "output.weight"
_LABEL = re.compile(r"(?i)(?<![A-Za-z0-9])(IQ\d_\w+|TQ\d_\d|Q\d_[0-9K](?:_[SML])?|BF16|F16|F32)")


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of a GGUF.

    Attributes:
        architecture: `general.architecture`.
        title: `general.name`; empty when it has none.
        n_layers: Transformer blocks; None when it does not say.
        n_params: All weights.
        n_vocab: Tokens; None when it does not say.
        n_ctx_train: Context it was trained for, tokens; None when it does not say.
        bits_per_weight: Tensor bits over weights.
        tensor_bytes: Size of all tensors.
        bytes_per_token: Weights read to decode one token. Embedding rows are looked up, not
            streamed, unless the same matrix is the output.
        quantization: The type that holds the most weights.
        types: Weights by type.
        kv_bytes_per_token: Cache bytes per token of context, by cache type; empty if unknown.
        has_chat_template: Whether it brings one.
        synthetic: Whether its weights are random.
        warnings: What its name or size promises and it does not hold, in words.
    """

    architecture: str
    title: str
    n_layers: int | None
    n_params: int
    n_vocab: int | None
    n_ctx_train: int | None
    bits_per_weight: float
    tensor_bytes: int
    bytes_per_token: int
    quantization: str
    types: Mapping[str, int]
    kv_bytes_per_token: Mapping[str, float]
    has_chat_template: bool
    synthetic: bool
    warnings: tuple[str, ...] = ()


def inspect_model(path: Path) -> ModelFacts:
    """Read what a GGUF holds, without loading it.

    Raises:
        ModelError: the file is missing, no GGUF, or cut short.
    """
    header = read_header(path)
    sizes = {tensor.name: tensor_bytes(tensor) for tensor in header.tensors}
    if not sizes:
        raise ModelError(f"{path} holds no tensors.", "It may be one part of a split model.")
    _require_whole(path, header, sizes)
    architecture = str(header.metadata.get("general.architecture", ""))
    types = Counter[str]()
    for tensor in header.tensors:
        types[type_name(tensor.type_id)] += tensor.n_elements
    n_params = sum(types.values())
    total_bytes = sum(sizes.values())
    tied = OUTPUT not in sizes
    quantization = types.most_common(1)[0][0]
    return ModelFacts(
        architecture=architecture,
        title=str(header.metadata.get("general.name", "")),
        n_layers=_whole(header, f"{architecture}.block_count"),
        n_params=n_params,
        n_vocab=_n_vocab(header, architecture),
        n_ctx_train=_whole(header, f"{architecture}.context_length"),
        bits_per_weight=8 * total_bytes / n_params,
        tensor_bytes=total_bytes,
        bytes_per_token=total_bytes - (0 if tied else sizes.get(EMBEDDING, 0)),
        quantization=quantization,
        types=dict(types.most_common()),
        kv_bytes_per_token=_cache_sizes(header, architecture),
        has_chat_template="tokenizer.chat_template" in header.metadata,
        synthetic=bool(header.metadata.get(SYNTHETIC_KEY, False)),
        warnings=_lies(path, types),
    )


def to_record(file: ModelFile) -> ModelRecord:
    """Return a model's record, its hash included (remembered, for large files).

    Raises:
        ModelError: the file is broken.
    """
    facts = inspect_model(file.path)
    return ModelRecord(
        name=file.name,
        file=file.path.name,
        sha256=file.sha256 or known_sha256(file.path),
        size_bytes=file.path.stat().st_size,
        architecture=facts.architecture,
        quantization=facts.quantization,
        n_layers=facts.n_layers,
        n_params=facts.n_params,
        bits_per_weight=facts.bits_per_weight,
        bytes_per_token=facts.bytes_per_token,
        kv_bytes_per_token=facts.kv_bytes_per_token.get("f16"),
        synthetic=facts.synthetic,
        source=file.source,
    )


def type_name(type_id: int) -> str:
    """Return ggml's name of a tensor type; `type-99` for one that is not known."""
    try:
        return str(GGMLQuantizationType(type_id).name)
    except ValueError:
        return f"type-{type_id}"


def tensor_bytes(tensor: TensorFact) -> int:
    """Return a tensor's size.

    Raises:
        ModelError: its type is not known or its rows are no whole number of blocks.
    """
    try:
        block, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType(tensor.type_id)]
    except (ValueError, KeyError) as error:
        raise ModelError(
            f"Tensor {tensor.name} has the unknown type {tensor.type_id}.",
            "It needs a newer llamawatt.",
        ) from error
    if tensor.shape[0] % block:
        raise ModelError(
            f"Tensor {tensor.name} has rows of {tensor.shape[0]}, no multiple of {block}."
        )
    return int(tensor.n_elements // block * block_bytes)


def _require_whole(path: Path, header: Header, sizes: Mapping[str, int]) -> None:
    ends = (tensor.offset_bytes + sizes[tensor.name] for tensor in header.tensors)
    needed_bytes = header.data_start_bytes + max(ends)
    if header.file_bytes < needed_bytes:
        raise ModelError(
            f"{path} is cut short: {header.file_bytes} of {needed_bytes} bytes are there.",
            "Fetch it again.",
        )


def _n_vocab(header: Header, architecture: str) -> int | None:
    tokens = header.metadata.get("tokenizer.ggml.tokens")
    if isinstance(tokens, ArrayFact):
        return tokens.n_items
    return _whole(header, f"{architecture}.vocab_size")


def _cache_sizes(header: Header, architecture: str) -> dict[str, float]:
    """Keys and values of one token: layers x KV heads x (key length + value length)."""
    n_layers = _whole(header, f"{architecture}.block_count")
    n_heads = _whole(header, f"{architecture}.attention.head_count")
    width = _whole(header, f"{architecture}.embedding_length")
    if not (n_layers and n_heads and width):
        return {}
    n_kv_heads = _whole(header, f"{architecture}.attention.head_count_kv") or n_heads
    key = _whole(header, f"{architecture}.attention.key_length") or width // n_heads
    value = _whole(header, f"{architecture}.attention.value_length") or width // n_heads
    elements = n_layers * n_kv_heads * (key + value)
    sizes = {}
    for name in CACHE_TYPES:
        block, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType[name.upper()]]
        sizes[name] = elements * block_bytes / block
    return sizes


def _lies(path: Path, types: Mapping[str, int]) -> tuple[str, ...]:
    """Hold the file's name against its tensors."""
    match = _LABEL.search(path.stem)
    if match is None:
        return ()
    label = match.group(1).upper()
    base = re.sub(r"_[SML]$", "", label)
    if any(name in {label, base} or name.startswith(f"{base}_") for name in types):
        return ()
    held = ", ".join(types)
    return (f"The name says {label}, but no tensor is {base}: it holds {held}.",)


def _whole(header: Header, key: str) -> int | None:
    value = header.metadata.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
