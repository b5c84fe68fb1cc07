"""Figures of predictions: how likely the true next token was, and how unlike two models are."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]

BLOCK_VALUES = 4_000_000
"""Logits widened to double precision at once: 32 MB."""


def log_probabilities(logits: Rows) -> Floats:
    """Return ln of the softmax of each row, shape (n, n_vocab), in double precision."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def negative_log_likelihood(logits: Rows, tokens: NDArray[np.int64]) -> Floats:
    """Return -ln p of each row's true token, nats, shape (n,)."""
    found = [
        -log_probabilities(logits[rows])[np.arange(rows.stop - rows.start), tokens[rows]]
        for rows in _blocks(logits)
    ]
    return np.concatenate(found)


def divergence(reference: Rows, other: Rows) -> Floats:
    """Return D(reference || other) of each row, nats, shape (n,).

    sum_i p_i (ln p_i - ln q_i) over the whole vocabulary (Kullback & Leibler 1951).
    """
    found = []
    for rows in _blocks(reference):
        p, q = log_probabilities(reference[rows]), log_probabilities(other[rows])
        found.append((np.exp(p) * (p - q)).sum(axis=1))
    return np.concatenate(found)


def _blocks(logits: Rows) -> Iterator[slice]:
    n_rows, n_vocab = logits.shape
    step = max(1, BLOCK_VALUES // n_vocab)
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))
