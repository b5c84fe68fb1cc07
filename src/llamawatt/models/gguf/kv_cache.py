"""How many bytes the KV cache takes for each token of context."""

from llamawatt.core.cache_types import BYTES_PER_ELEMENT
from llamawatt.models.gguf.header import Header

CACHE_TYPES = ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")
"""Types that llama.cpp's `--cache-type-k` takes."""
_OTHER_MEMORIES = ("attention.kv_lora_rank", "ssm.state_size", "wkv.head_size", "shortconv.l_cache")
"""Keys of architectures whose memory is not keys and values of every head: no figure for them."""


def kv_bytes_per_token(header: Header, architecture: str) -> dict[str, float]:
    """Return cache bytes per token of context, by cache type; empty where it cannot be told.

    Sum over the layers of KV heads x (key length + value length), times bytes per element. An
    upper bound for models with sliding windows, whose layers forget.
    """

    def number(key: str) -> int | None:
        return header.whole(f"{architecture}.{key}")

    if any(f"{architecture}.{key}" in header.metadata for key in _OTHER_MEMORIES):
        return {}
    n_layers, width = number("block_count"), number("embedding_length")
    n_heads = _per_layer(header, f"{architecture}.attention.head_count", n_layers or 0)
    n_kv_heads = _per_layer(header, f"{architecture}.attention.head_count_kv", n_layers or 0)
    if not (n_layers and width and n_heads and n_heads[0]):
        return {}
    key = number("attention.key_length") or width // n_heads[0]
    value = number("attention.value_length") or width // n_heads[0]
    elements = sum(n_kv_heads or n_heads) * (key + value)
    return {name: elements * BYTES_PER_ELEMENT[name] for name in CACHE_TYPES}


def _per_layer(header: Header, key: str, n_layers: int) -> tuple[int, ...]:
    """One number per layer, from a scalar or an array; empty when the key says neither."""
    whole = header.whole(key)
    if whole is not None:
        return (whole,) * n_layers
    listed = header.numbers(key)
    return listed if len(listed) == n_layers else ()
