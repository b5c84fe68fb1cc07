"""How much memory a setting takes, so that nothing is launched that cannot fit.

Weights and cache are counted from the file's header. The buffers of a computation are bounded from
above by their largest parts: the logits of a physical batch, its activations, and without flash
attention its scores over the whole context (llama.cpp reserves all of them before it starts).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llamawatt.core.cache_types import BYTES_PER_ELEMENT
from llamawatt.core.plan import ModelRecord
from llamawatt.models.gguf.header import read_header
from llamawatt.targets.spec import TargetSpec

PROCESS_BYTES = 150_000_000
"""What a server takes besides its model: seen 90 MB to 140 MB on Linux."""
CONTEXT_BYTES = 600_000_000
"""What an open GPU keeps for itself: seen 400 MB to 560 MB with CUDA 12."""
MARGIN = 1.1
"""Weights, cache and buffers are taken to be this much larger than counted."""
ACTIVATIONS = 24
"""Rows of the embedding's width that a layer holds at once, feed-forward included, as f32."""
DEFAULT_UBATCH = 512
DEFAULT_CTX = 4096
FALLBACK_VOCAB, FALLBACK_WIDTH, FALLBACK_HEADS = 152_064, 8192, 64
"""Taken where a header does not say: large, so that the bound holds."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a model decides about memory.

    Attributes:
        record: The model.
        n_layers: Layers.
        n_vocab: Tokens that it knows.
        n_width: Width of its embedding.
        n_heads: Attention heads.
        n_experts: Experts of a layer; 0 where it has none.
    """

    record: ModelRecord
    n_layers: int
    n_vocab: int
    n_width: int
    n_heads: int
    n_experts: int = 0


@dataclass(frozen=True, slots=True)
class Need:
    """Memory that a setting takes, in all its servers.

    Attributes:
        cpu_bytes: In the machine's memory.
        gpu_bytes: On the GPU.
    """

    cpu_bytes: float
    gpu_bytes: float

    @property
    def total_gb(self) -> float:
        """Both together, in gigabytes of 10⁹ bytes."""
        return (self.cpu_bytes + self.gpu_bytes) / 1e9


def shape_of(path: Path, record: ModelRecord) -> Shape:
    """Read what decides about memory from a model's header.

    Raises:
        ModelError: the file cannot be read.
    """
    header = read_header(path)

    def said(key: str, otherwise: int) -> int:
        found = header.whole(f"{record.architecture}.{key}")
        return found if found is not None and found > 0 else otherwise

    rows = {tensor.name: tensor.shape for tensor in header.tensors}
    embedding = rows.get("token_embd.weight", ())
    return Shape(
        record,
        n_layers=record.n_layers or 1,
        n_vocab=embedding[1] if len(embedding) > 1 else FALLBACK_VOCAB,
        n_width=said("embedding_length", embedding[0] if embedding else FALLBACK_WIDTH),
        n_heads=said("attention.head_count", FALLBACK_HEADS),
        n_experts=said("expert_count", 0),
    )


def need(shape: Shape, spec: TargetSpec) -> Need:
    """Return an upper estimate of the memory that a setting takes."""
    n_servers = spec.n_servers or 1
    each = spec.of_each_server()
    on_gpu = _gpu_share(shape, each)
    experts = _expert_share(shape, each)
    weights = shape.record.size_bytes
    gpu_weights = weights * on_gpu * (1 - experts)
    cache, buffers = _cache_bytes(shape, each), _buffer_bytes(shape, each)
    opened = each.device != "none" and each.n_gpu_layers is not None
    cpu = MARGIN * (weights - gpu_weights + cache * (1 - on_gpu) + buffers * (on_gpu < 1))
    gpu = MARGIN * (gpu_weights + cache * on_gpu + buffers) + CONTEXT_BYTES if opened else 0.0
    # Servers on one machine share the mapped file, but not what a GPU holds.
    shared = MARGIN * weights * (1 - on_gpu)
    return Need(
        cpu_bytes=shared + n_servers * (cpu - shared + PROCESS_BYTES),
        gpu_bytes=n_servers * gpu,
    )


def _gpu_share(shape: Shape, spec: TargetSpec) -> float:
    if spec.device == "none" or not spec.n_gpu_layers:
        return 0.0
    return min(1.0, spec.n_gpu_layers / (shape.n_layers + 1))


def _expert_share(shape: Shape, spec: TargetSpec) -> float:
    """Share of the offloaded weights that are experts kept on the CPU; nearly all are experts."""
    if not shape.n_experts or not spec.n_cpu_moe:
        return 0.0
    return 0.9 * min(1.0, spec.n_cpu_moe / shape.n_layers)


def _cache_bytes(shape: Shape, spec: TargetSpec) -> float:
    per_token = shape.record.kv_bytes_per_token
    if per_token is None:  # as many keys and values as the embedding is wide, in every layer
        per_token = 2.0 * 2 * shape.n_width * shape.n_layers
    types = (spec.cache_type_k or "f16", spec.cache_type_v or "f16")
    scale = sum(BYTES_PER_ELEMENT[name] for name in types) / (2 * BYTES_PER_ELEMENT["f16"])
    return per_token * scale * (spec.n_ctx or DEFAULT_CTX)


def _buffer_bytes(shape: Shape, spec: TargetSpec) -> float:
    n_rows = min(spec.n_ubatch or DEFAULT_UBATCH, spec.n_ctx or DEFAULT_CTX)
    floats = n_rows * (shape.n_vocab + ACTIVATIONS * shape.n_width)
    if spec.flash_attn == "off":
        floats += n_rows * (spec.n_ctx or DEFAULT_CTX) * shape.n_heads
    return 4.0 * floats


def why_too_large(wanted: Need, free: Mapping[str, float]) -> str:
    """Return why a setting does not fit; empty when it does.

    Args:
        wanted: What it takes.
        free: Bytes that are free, by `cpu` and, where there is one, `gpu`.
    """
    if wanted.gpu_bytes > free.get("gpu", 0.0):
        there = free.get("gpu", 0.0)
        return f"it takes {_gb(wanted.gpu_bytes)} of the GPU's {_gb(there)}"
    if wanted.cpu_bytes > free["cpu"]:
        return f"it takes {_gb(wanted.cpu_bytes)} of memory, and {_gb(free['cpu'])} are free"
    return ""


def _gb(size_bytes: float) -> str:
    return f"{size_bytes / 1e9:.1f} GB"
