"""What a GGUF really holds: layers, bits per weight, bytes streamed per token, cache size."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

from llamawatt.core.errors import ModelError
from llamawatt.core.plan import ModelRecord
from llamawatt.models.cache import known_sha256
from llamawatt.models.file import ModelFile
from llamawatt.models.gguf.header import ArrayFact, Header, TensorFact, read_header
from llamawatt.models.gguf.kv_cache import kv_bytes_per_token
from llamawatt.models.gguf.labels import doubts, label_in, label_of_file_type

SYNTHETIC_KEY = "llamawatt.synthetic"
EMBEDDING, OUTPUT = "token_embd.weight", "output.weight"
ROWS_LOOKED_UP = (EMBEDDING, "per_layer_token_embd.weight")
EXPERTS = "_exps."


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
        bytes_per_token: Weights read to decode one token. Of the embedding one row is looked up,
            unless the same matrix is the output; of experts only the active ones count.
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
    bytes_per_token: float
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
    sizes_bytes = {tensor.name: tensor_bytes(tensor) for tensor in header.tensors}
    if not sizes_bytes:
        raise ModelError(f"{path} holds no tensors.", "It may be one part of a split model.")
    _require_whole(path, header, sizes_bytes)
    architecture = str(header.metadata.get("general.architecture", ""))
    types = _weights_by_type(header)
    n_params, total_bytes = sum(types.values()), sum(sizes_bytes.values())
    return ModelFacts(
        architecture=architecture,
        title=str(header.metadata.get("general.name", "")),
        n_layers=header.whole(f"{architecture}.block_count"),
        n_params=n_params,
        n_vocab=_n_vocab(header, architecture),
        n_ctx_train=header.whole(f"{architecture}.context_length"),
        bits_per_weight=8 * total_bytes / n_params,
        tensor_bytes=total_bytes,
        bytes_per_token=_streamed_bytes(header, architecture, sizes_bytes),
        quantization=next(iter(types)),
        types=types,
        kv_bytes_per_token=kv_bytes_per_token(header, architecture),
        has_chat_template="tokenizer.chat_template" in header.metadata,
        synthetic=bool(header.metadata.get(SYNTHETIC_KEY, False)),
        warnings=tuple(_warnings(path, header, 8 * total_bytes / n_params)),
    )


def to_record(file: ModelFile, facts: ModelFacts) -> ModelRecord:
    """Return the record of a model that was inspected, its hash included (remembered if large)."""
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


def _require_whole(path: Path, header: Header, sizes_bytes: Mapping[str, int]) -> None:
    ends = (tensor.offset_bytes + sizes_bytes[tensor.name] for tensor in header.tensors)
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
    return header.whole(f"{architecture}.vocab_size")


def _weights_by_type(header: Header) -> dict[str, int]:
    """Weights by type, the type that holds the most first."""
    types = Counter[str]()
    for tensor in header.tensors:
        types[type_name(tensor.type_id)] += tensor.n_elements
    return dict(types.most_common())


def _streamed_bytes(header: Header, architecture: str, sizes_bytes: Mapping[str, int]) -> float:
    used = header.whole(f"{architecture}.expert_used_count")
    n_experts = header.whole(f"{architecture}.expert_count")
    share = used / n_experts if used and n_experts else 1.0
    tied = OUTPUT not in sizes_bytes
    total_bytes = 0.0
    for tensor in header.tensors:
        size_bytes = sizes_bytes[tensor.name]
        if tensor.name in ROWS_LOOKED_UP and not (tied and tensor.name == EMBEDDING):
            total_bytes += size_bytes / tensor.shape[1] if len(tensor.shape) > 1 else size_bytes
        elif EXPERTS in tensor.name:
            total_bytes += size_bytes * share
        else:
            total_bytes += size_bytes
    return total_bytes


def _warnings(path: Path, header: Header, bits_per_weight: float) -> Iterator[str]:
    claims = {}
    label = label_in(path.stem)
    if label:
        claims["name"] = label
    file_type = header.whole("general.file_type")
    said = None if file_type is None else label_of_file_type(file_type)
    if said and said != label:
        claims["header"] = said
    # What a quantisation is about: matrices inside the blocks, not norms or embeddings.
    touched = Counter[str]()
    for tensor in header.tensors:
        if len(tensor.shape) > 1 and tensor.name not in (EMBEDDING, OUTPUT):
            touched[type_name(tensor.type_id)] += tensor.n_elements
    yield from doubts(claims, dict(touched.most_common()), bits_per_weight)
    n_parts = header.whole("split.count") or 1
    if n_parts > 1:
        yield f"This is one of {n_parts} parts of a split model; the figures are of this part."
