"""What a GGUF really holds: layers, bits per weight, bytes streamed per token, cache size."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain
from pathlib import Path

from llamawatt.core.errors import ModelError
from llamawatt.core.plan import ModelRecord
from llamawatt.models.cache import known_sha256
from llamawatt.models.file import ModelFile
from llamawatt.models.gguf.header import ArrayFact, Header, read_header
from llamawatt.models.gguf.kv_cache import CACHE_TYPES, KvCache, kv_cache
from llamawatt.models.gguf.labels import doubts, label_in, label_of_file_type
from llamawatt.models.gguf.parts import find_parts
from llamawatt.models.gguf.purpose import why_it_does_not_generate
from llamawatt.models.gguf.streamed import EMBEDDING, OUTPUT, streamed_bytes
from llamawatt.models.gguf.tensor_types import (
    is_of_bitnet,
    needs_own_server,
    tensor_sizes_bytes,
    type_name,
    who_runs_it,
)

SYNTHETIC_KEY = "llamawatt.synthetic"


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of a GGUF, all its parts together.

    Attributes:
        architecture: `general.architecture`.
        title: `general.name`; empty when it has none.
        n_layers: Transformer blocks; None when it does not say.
        n_params: All weights.
        n_vocab: Tokens; None when it does not say.
        n_ctx_train: Context it was trained for, tokens; None when it does not say.
        bits_per_weight: Tensor bits over weights; None without weights.
        tensor_bytes: Size of all tensors.
        bytes_per_token: Weights read to decode one token; None for what does not generate. Of the
            embedding one row is looked up, unless the same matrix is the output; of experts only
            the active ones count.
        quantization: The type that holds the most weights.
        types: Weights by type.
        cache: What the KV cache keeps of a token; None if unknown.
        has_chat_template: Whether it brings one.
        synthetic: Whether its weights are random.
        not_generating: Why it generates no text; empty for what does.
        needs_own_server: Whether only a llama.cpp of the user's may run it.
        files: Its files, the first part first.
        warnings: What its name or size promises and it does not hold, and who alone runs it, in
            words.
    """

    architecture: str
    title: str
    n_layers: int | None
    n_params: int
    n_vocab: int | None
    n_ctx_train: int | None
    bits_per_weight: float | None
    tensor_bytes: int
    bytes_per_token: float | None
    quantization: str
    types: Mapping[str, int]
    cache: KvCache | None
    has_chat_template: bool
    synthetic: bool
    not_generating: str = ""
    needs_own_server: bool = False
    files: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Size of all its files."""
        return sum(path.stat().st_size for path in self.files)

    @property
    def bits_text(self) -> str:
        """Bits per weight, for people."""
        bits = self.bits_per_weight
        return "no weights" if bits is None else f"{bits:.2f} bits per weight"

    @property
    def kv_bytes_per_token(self) -> dict[str, float]:
        """Cache bytes that a first token takes, by cache type; empty if unknown."""
        return {name: self.cache.bytes_per_token(name) for name in CACHE_TYPES if self.cache}

    @property
    def kv_bytes_per_token_beyond(self) -> dict[str, float]:
        """Cache bytes that one more token takes beyond the window; empty without a window."""
        if self.cache is None or self.cache.n_window is None:
            return {}
        n_window = self.cache.n_window
        return {name: self.cache.bytes_per_token(name, n_window) for name in CACHE_TYPES}


def inspect_model(path: Path) -> ModelFacts:
    """Read what a GGUF holds, without loading it; of a split model all parts.

    Raises:
        ModelError: the file is missing, no GGUF, cut short, or not the first of its parts.
    """
    first = read_header(path)
    parts = find_parts(path, first, read_header)
    whole = replace(first, tensors=tuple(chain.from_iterable(p.tensors for p in parts.values())))
    has_vocabulary = isinstance(first.metadata.get("tokenizer.ggml.tokens"), ArrayFact)
    if not whole.tensors and not has_vocabulary:
        raise ModelError(f"{path} holds no tensors.", "Fetch it again.")
    architecture = str(first.metadata.get("general.architecture", ""))
    bitnet = any(is_of_bitnet(part, architecture) for part in parts.values())
    sizes_bytes: dict[str, int] = {}
    for file, part in parts.items():
        sizes_bytes |= _checked_sizes(file, part, bitnet=bitnet)
    types = _weights_by_type(whole, bitnet=bitnet)
    n_params, total_bytes = sum(types.values()), sum(sizes_bytes.values())
    bits_per_weight = 8 * total_bytes / n_params if n_params else None
    why = why_it_does_not_generate(whole, architecture)
    return ModelFacts(
        architecture=architecture,
        title=str(first.metadata.get("general.name", "")),
        n_layers=first.whole(f"{architecture}.block_count"),
        n_params=n_params,
        n_vocab=_n_vocab(first, architecture),
        n_ctx_train=first.whole(f"{architecture}.context_length"),
        bits_per_weight=bits_per_weight,
        tensor_bytes=total_bytes,
        bytes_per_token=None if why else streamed_bytes(whole, architecture, sizes_bytes),
        quantization=next(iter(types), ""),
        types=types,
        cache=None if why else kv_cache(first, architecture),
        has_chat_template="tokenizer.chat_template" in first.metadata,
        synthetic=bool(first.metadata.get(SYNTHETIC_KEY, False)),
        not_generating=why,
        needs_own_server=needs_own_server(whole, bitnet=bitnet),
        files=tuple(parts),
        warnings=tuple(_warnings(path, whole, bits_per_weight, bitnet=bitnet)),
    )


def require_whole(path: Path) -> None:
    """Check that a GGUF, or a part of one, has all the bytes that its header speaks of.

    Raises:
        ModelError: it has not.
    """
    header = read_header(path)
    _checked_sizes(path, header, bitnet=is_of_bitnet(header, ""))


def require_generating(path: Path, facts: ModelFacts) -> None:
    """Check that a model generates text.

    Raises:
        ModelError: it does not; what it is instead is named.
    """
    if facts.not_generating:
        raise ModelError(
            f"{path} does not generate text: {facts.not_generating}.",
            "Name a model that generates.",
        )


def to_record(file: ModelFile, facts: ModelFacts) -> ModelRecord:
    """Return the record of a model that was inspected, its hash included (remembered if large)."""
    cache = facts.cache
    beyond = facts.kv_bytes_per_token_beyond.get("f16")
    return ModelRecord(
        name=file.name,
        file=file.path.name,
        sha256=content_sha256(file, facts.files),
        size_bytes=facts.size_bytes,
        architecture=facts.architecture,
        quantization=facts.quantization,
        n_layers=facts.n_layers,
        n_params=facts.n_params,
        bits_per_weight=facts.bits_per_weight,
        bytes_per_token=facts.bytes_per_token,
        kv_bytes_per_token=facts.kv_bytes_per_token.get("f16"),
        kv_bytes_per_token_beyond=beyond,
        n_kv_window=None if cache is None else cache.n_window,
        synthetic=facts.synthetic,
        source=file.source,
        warnings=facts.warnings,
    )


def content_sha256(file: ModelFile, files: Iterable[Path]) -> str:
    """Return a model's SHA-256; of a split one that of its parts' hashes, one after the other."""
    paths = tuple(files)
    if len(paths) < 2:
        return file.sha256 or known_sha256(file.path)
    return sha256("".join(known_sha256(path) for path in paths).encode()).hexdigest()


def _checked_sizes(path: Path, header: Header, *, bitnet: bool) -> dict[str, int]:
    sizes_bytes = tensor_sizes_bytes(header, bitnet=bitnet)
    ends = (tensor.offset_bytes + sizes_bytes[tensor.name] for tensor in header.tensors)
    needed_bytes = header.data_start_bytes + max(ends, default=0)
    if header.tensors and header.file_bytes < needed_bytes:
        raise ModelError(
            f"{path} is cut short: {header.file_bytes} of {needed_bytes} bytes are there.",
            "Fetch it again; if it came in pieces, join them first.",
        )
    return sizes_bytes


def _n_vocab(header: Header, architecture: str) -> int | None:
    tokens = header.metadata.get("tokenizer.ggml.tokens")
    if isinstance(tokens, ArrayFact):
        return tokens.n_items
    return header.whole(f"{architecture}.vocab_size")


def _weights_by_type(header: Header, *, bitnet: bool) -> dict[str, int]:
    """Weights by type, the type that holds the most first."""
    types = Counter[str]()
    for tensor in header.tensors:
        types[type_name(tensor.type_id, bitnet=bitnet)] += tensor.n_elements
    return dict(types.most_common())


def _warnings(
    path: Path, header: Header, bits_per_weight: float | None, *, bitnet: bool
) -> Iterator[str]:
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
            touched[type_name(tensor.type_id, bitnet=bitnet)] += tensor.n_elements
    if bits_per_weight is not None:
        yield from doubts(claims, dict(touched.most_common()), bits_per_weight)
    yield from who_runs_it(header, bitnet=bitnet)
