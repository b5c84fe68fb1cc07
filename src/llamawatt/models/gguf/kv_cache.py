"""How many bytes the KV cache takes, as a function of the context."""

from collections.abc import Sequence
from dataclasses import dataclass

from llamawatt.core.cache_types import BYTES_PER_ELEMENT
from llamawatt.models.gguf.header import MAX_NUMBERS_KEPT, Header
from llamawatt.models.gguf.streamed import n_main_layers

CACHE_TYPES = ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")
"""Types that llama.cpp's `--cache-type-k` takes."""
_OTHER_MEMORIES = ("attention.kv_lora_rank", "ssm.state_size", "wkv.head_size", "shortconv.l_cache")
"""Keys of architectures whose memory is not keys and values of every head: no figure for them."""
_PERIODS = {
    "gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "gptoss": 2, "cohere2": 4, "olmo2": 4,
    "exaone4": 4, "exaone-moe": 4, "afmoe": 4, "plamo3": 8, "llama4": 4, "mellum": 4,
    "smallthinker": 4,
}  # fmt: skip
"""Every so many layers one sees the whole context, where the file does not say: as llama.cpp sets
it for each architecture. Others that mention a window (Phi-3, Mistral) get none from it."""
_WINDOWS = {"gemma2": 4096, "llama4": 8192}
"""Windows of files that do not say theirs, likewise."""
_FULL_FIRST = {"smallthinker"}
_LAYERS_WITH_CACHE = {"gemma3n": 20}
"""Later layers use the cache of earlier ones, where the file does not say so."""


@dataclass(frozen=True, slots=True)
class KvCache:
    """What is kept of each token of context.

    Attributes:
        n_whole: Elements of keys and values in layers that see the whole context.
        n_windowed: Elements in layers that see a sliding window.
        n_window: Tokens in that window; None where no layer has one.
    """

    n_whole: int
    n_windowed: int = 0
    n_window: int | None = None

    def bytes_per_token(self, cache_type: str, n_before: int = 0) -> float:
        """Return what one more token adds to the cache.

        Args:
            cache_type: Of keys and values, one of `CACHE_TYPES`.
            n_before: Tokens of context before it; beyond the window, old ones make room.
        """
        within = self.n_window is None or n_before < self.n_window
        n_elements = self.n_whole + (self.n_windowed if within else 0)
        return n_elements * BYTES_PER_ELEMENT[cache_type]

    def size_bytes(self, cache_type: str, n_context: int) -> float:
        """Return what a context of so many tokens takes, and what decoding a token there reads."""
        n_kept = n_context if self.n_window is None else min(n_context, self.n_window)
        n_elements = self.n_whole * n_context + self.n_windowed * n_kept
        return n_elements * BYTES_PER_ELEMENT[cache_type]


def kv_cache(header: Header, architecture: str) -> KvCache | None:
    """Return what a model keeps of each token; None where it cannot be told.

    Keys and values of all KV heads, summed over the layers that have a cache of their own.
    """

    def number(key: str) -> int | None:
        return header.whole(f"{architecture}.{key}")

    if any(f"{architecture}.{key}" in header.metadata for key in _OTHER_MEMORIES):
        return None
    n_layers, width = number("block_count") or 0, number("embedding_length")
    if not 0 < n_layers <= MAX_NUMBERS_KEPT:
        return None
    n_heads = _per_layer(header, f"{architecture}.attention.head_count", n_layers)
    n_kv_heads = _per_layer(header, f"{architecture}.attention.head_count_kv", n_layers)
    most_heads = max(n_heads, default=0)
    if not (width and most_heads):
        return None
    key = number("attention.key_length") or width // most_heads
    value = number("attention.value_length") or width // most_heads
    key_swa = number("attention.key_length_swa") or key
    value_swa = number("attention.value_length_swa") or value
    n_window = _window(header, architecture)
    windowed = _windowed_layers(header, architecture, n_layers) if n_window else [False] * n_layers
    n_whole = n_windowed = 0
    layers = zip(n_kv_heads or n_heads, windowed, strict=True)
    for heads, in_window in list(layers)[: _n_cached(header, architecture, n_layers)]:
        if in_window:
            n_windowed += heads * (key_swa + value_swa)
        else:
            n_whole += heads * (key + value)
    return KvCache(n_whole, n_windowed, n_window if n_windowed else None)


def _n_cached(header: Header, architecture: str, n_layers: int) -> int:
    """Return the layers, from the first on, that keep keys and values of their own."""
    main = n_main_layers(header, architecture)
    shared = header.whole(f"{architecture}.attention.shared_kv_layers")
    if shared is None:
        cached = _LAYERS_WITH_CACHE.get(architecture, n_layers)
    else:
        cached = max(0, n_layers - shared)
    return min(cached, n_layers if main is None else main)


def _window(header: Header, architecture: str) -> int | None:
    said = header.whole(f"{architecture}.attention.sliding_window")
    found = _WINDOWS.get(architecture) if said is None else said
    return found if found is not None and found > 0 else None


def _windowed_layers(header: Header, architecture: str, n_layers: int) -> Sequence[bool]:
    key = f"{architecture}.attention.sliding_window_pattern"
    listed = header.numbers(key)
    if listed:
        return [bool(listed[layer % len(listed)]) for layer in range(n_layers)]
    period = header.whole(key)
    if period is None:
        period = _PERIODS.get(architecture, 1)
    if period == 0:
        return [True] * n_layers
    whole = 0 if architecture in _FULL_FIRST else period - 1
    return [layer % period != whole for layer in range(n_layers)]


def _per_layer(header: Header, key: str, n_layers: int) -> tuple[int, ...]:
    """One number per layer, from a scalar or an array; empty when the key says neither."""
    whole = header.whole(key)
    if whole is not None:
        return (whole,) * n_layers
    listed = header.numbers(key)
    return listed if len(listed) == n_layers else ()
