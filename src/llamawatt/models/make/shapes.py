"""Dimensions of well-known models, from their published configurations."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelShape:
    """A llama-like architecture's dimensions.

    Attributes:
        architecture: GGUF architecture.
        n_layers: Blocks.
        n_embd: Width.
        n_ff: Width of the feed-forward layer.
        n_heads: Attention heads.
        n_kv_heads: Heads of keys and values.
        n_vocab: Tokens.
        n_ctx: Context trained for, tokens.
        rope_base: Base frequency of the rotary embedding.
        tied: Whether the embedding is the output matrix too.
        biased: Whether queries, keys and values have biases.
    """

    architecture: str
    n_layers: int
    n_embd: int
    n_ff: int
    n_heads: int
    n_kv_heads: int
    n_vocab: int
    n_ctx: int
    rope_base: float
    tied: bool = False
    biased: bool = False

    @property
    def n_head_dim(self) -> int:
        """Width of one head."""
        return self.n_embd // self.n_heads


SHAPES: dict[str, ModelShape] = {
    "tinyllama-1.1b": ModelShape("llama", 22, 2048, 5632, 32, 4, 32000, 2048, 10000.0),
    "llama-3.2-1b": ModelShape("llama", 16, 2048, 8192, 32, 8, 128256, 131072, 500000.0, tied=True),
    "llama-3.2-3b": ModelShape("llama", 28, 3072, 8192, 24, 8, 128256, 131072, 500000.0, tied=True),
    "qwen2.5-0.5b": ModelShape(
        "qwen2", 24, 896, 4864, 14, 2, 151936, 32768, 1000000.0, tied=True, biased=True
    ),
    "llama-3.1-8b": ModelShape("llama", 32, 4096, 14336, 32, 8, 128256, 131072, 500000.0),
}
"""By name, as the models' `config.json` on the hub give them."""
