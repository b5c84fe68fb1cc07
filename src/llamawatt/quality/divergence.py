"""How far one model's predictions are from another's, token by token."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llamawatt.core.errors import ModelError
from llamawatt.quality.logits import LOWEST, LogitsFile

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Divergence:
    """Of a candidate from a reference.

    Attributes:
        kld: Kullback-Leibler divergence of each scored token, nats, shape (n_chunks, n_scored).
        agrees: Whether both find the same token most likely, same shape.
    """

    kld: Floats
    agrees: NDArray[np.bool_]


def diverge(reference: LogitsFile, candidate: LogitsFile) -> Divergence:
    """Compare two files of log-probabilities of the same text.

    D(P||Q) = sum_i P_i (ln P_i - ln Q_i) with P the reference, as llama-perplexity's
    `--kl-divergence` counts it: tokens below e^-16 in the reference are left out.

    Raises:
        ModelError: the two have other vocabularies or saw other tokens.
    """
    require_alike(reference, candidate)
    shape = reference.shape
    kld = np.empty((shape.n_chunks, shape.n_scored))
    agrees = np.empty((shape.n_chunks, shape.n_scored), np.bool_)
    for chunk in range(shape.n_chunks):
        at = 0
        pairs = zip(
            reference.log_probabilities(chunk), candidate.log_probabilities(chunk), strict=True
        )
        for p, q in pairs:
            rows = slice(at, at + len(p))
            terms = np.where(p > LOWEST, np.exp(p) * (p - q), 0.0)
            kld[chunk, rows] = terms.sum(axis=1, dtype=np.float64)
            agrees[chunk, rows] = p.argmax(axis=1) == q.argmax(axis=1)
            at = rows.stop
    return Divergence(kld, agrees)


def require_alike(reference: LogitsFile, candidate: LogitsFile) -> None:
    """Check that two files can be compared.

    Raises:
        ModelError: they cannot.
    """
    if reference.shape.n_vocab != candidate.shape.n_vocab:
        raise ModelError(
            f"The reference has a vocabulary of {reference.shape.n_vocab} tokens, the model "
            f"one of {candidate.shape.n_vocab}.",
            "Choose as reference the same model at more bits.",
        )
    same = reference.shape == candidate.shape
    if not same or not np.array_equal(reference.tokens(), candidate.tokens()):
        raise ModelError(
            "The reference splits the text into other tokens than the model.",
            "Choose as reference the same model at more bits.",
        )
