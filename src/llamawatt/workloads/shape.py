"""Shapes: work by token counts alone, as llama-bench names it (`pp512`, `tg128`, `pp512+tg128`)."""

import random
import re
from dataclasses import dataclass

_SHAPE = re.compile(r"^(?:pp(?P<prompt>[1-9]\d{0,6}))?(?:\+?tg(?P<generate>[1-9]\d{0,6}))?$")
N_VARIANTS = 8
"""Different random prompts of a shape, so that no cache helps."""
TOKEN_RANGE = (256, 8192)
"""Token ids used: above the special and byte tokens, inside every common vocabulary."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One request of a suite.

    Attributes:
        id: Unique in its suite.
        content: Text, or token ids of a shape.
        n_predict: Tokens to generate.
    """

    id: str
    content: str | tuple[int, ...]
    n_predict: int


@dataclass(frozen=True, slots=True)
class Shape:
    """Prompt tokens and generated tokens of a request."""

    n_prompt: int
    n_generate: int


def parse_shape(text: str) -> Shape | None:
    """Parse a shape; None when the text is none.

    `pp512` evaluates 512 tokens and generates the one that ends a prompt's work; `tg128`
    generates 128 tokens from a single one.
    """
    match = _SHAPE.match(text)
    if not text or match is None:
        return None
    return Shape(int(match["prompt"] or 1), int(match["generate"] or 1))


def shape_prompts(shape: Shape, n_variants: int = N_VARIANTS) -> tuple[Prompt, ...]:
    """Return random prompts of a shape, the same every time."""
    return tuple(
        Prompt(f"random-{number}", _tokens(shape.n_prompt, number), shape.n_generate)
        for number in range(n_variants)
    )


def _tokens(count: int, seed: int) -> tuple[int, ...]:
    rng = random.Random(f"shape/{seed}")  # noqa: S311  (random text, not a secret)
    return tuple(rng.randrange(*TOKEN_RANGE) for _ in range(count))
