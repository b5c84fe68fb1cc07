"""What fewer bits cost: perplexity, bits per byte, divergence from a reference, with intervals."""

import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from llamawatt.core.errors import UsageError
from llamawatt.models.cache import cache_folder, known_sha256
from llamawatt.models.file import ModelFile, Progress
from llamawatt.quality.eval_text import EvalText
from llamawatt.quality.loaded import Setting
from llamawatt.quality.scores import Backend, Plan, Scores, Subject, key_of

N_RESAMPLES = 2000
SEED = 0
"""Of the resampling, so that the same scores give the same interval."""
TAIL = 0.025
"""Share beyond either end of the interval."""
LEAST_CTX = 8

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval.

    Attributes:
        value: Over all chunks.
        low: Lower end; None with one chunk.
        high: Upper end; None with one chunk.
    """

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Quality:
    """How well a model predicts a text, and how near it is to a reference.

    Attributes:
        model: Its name.
        sha256: Of its file.
        setting: Cache types and flash attention it was judged with.
        perplexity: exp of the mean negative log-likelihood per token.
        bits_per_byte: Negative log-likelihood in bits per byte of text: comparable between
            vocabularies; None for a vocabulary that is not understood.
        kld: Mean divergence from the reference, nats per token; None without reference.
        kld_p99: Its 99th percentile over tokens; None without reference.
        same_top: Share of tokens where both find the same most likely; None without reference.
        reference: Name of the reference; empty without one.
        text: Name of the text.
        text_sha256: Of the text.
        n_ctx: Tokens per chunk.
        n_chunks: Chunks judged.
        n_tokens: Tokens scored.
        backend: Which program judged, and its version.
    """

    model: str
    sha256: str
    setting: Setting
    perplexity: Figure
    bits_per_byte: Figure | None
    kld: Figure | None
    kld_p99: Figure | None
    same_top: Figure | None
    reference: str
    text: str
    text_sha256: str
    n_ctx: int
    n_chunks: int
    n_tokens: int
    backend: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model to judge, under a setting."""

    file: ModelFile
    setting: Setting = Setting()  # noqa: RUF009  (frozen, so shared without harm)


def measure_quality(
    candidates: Sequence[Candidate],
    reference: Candidate | None,
    text: EvalText,
    plan: Plan,
    backend: Backend,
    progress: Progress | None = None,
) -> list[Quality]:
    """Judge models on a text, against a reference when there is one.

    What is finished is kept in the cache folder, so an interrupted call goes on, and a repeated
    one is answered at once. The method is llama-perplexity's: chunks of `n_ctx` tokens, of which
    the second half is scored.

    Raises:
        ModelError: a model cannot be judged, or not against this reference.
        UsageError: the plan cannot be.
    """
    if plan.n_ctx < LEAST_CTX or (plan.n_chunks is not None and plan.n_chunks < 1):
        raise UsageError(
            f"{plan.n_chunks} chunks of {plan.n_ctx} tokens cannot be judged.",
            f"Take a context of at least {LEAST_CTX} and at least one chunk.",
        )
    folder = cache_folder() / "quality"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "judging.lock"):
        return [
            _judged(folder, candidate, reference, text, plan, backend, progress)
            for candidate in candidates
        ]


def _judged(
    folder: Path,
    candidate: Candidate,
    reference: Candidate | None,
    text: EvalText,
    plan: Plan,
    backend: Backend,
    progress: Progress | None,
) -> Quality:
    subject = _subject(candidate)
    theirs = None if reference is None else _subject(reference)
    label = f"{backend.name} {backend.version}".strip()
    done = folder / f"{key_of(subject, theirs, text, plan, label)}.json"
    if not done.is_file():
        work = done.with_suffix("")
        work.mkdir(exist_ok=True)
        backend.score(subject, theirs, text, plan, work, progress).save(done)
        shutil.rmtree(work)
    name = "" if reference is None else reference.file.name
    return _quality(candidate, name, Scores.load(done), text, plan, label)


def _subject(candidate: Candidate) -> Subject:
    file = candidate.file
    return Subject(file.path, file.sha256 or known_sha256(file.path), candidate.setting)


def _quality(
    candidate: Candidate,
    reference: str,
    scores: Scores,
    text: EvalText,
    plan: Plan,
    backend: str,
) -> Quality:
    n_tokens, n_bytes = scores.n_tokens, scores.n_bytes
    kld, same = scores.kld, scores.same_top
    return Quality(
        model=candidate.file.name,
        sha256=_subject(candidate).sha256,
        setting=candidate.setting,
        perplexity=interval(
            lambda rows: math.exp(scores.nll[rows].sum() / n_tokens[rows].sum()), len(n_tokens)
        ),
        bits_per_byte=None
        if n_bytes is None
        else interval(
            lambda rows: scores.nll[rows].sum() / math.log(2) / n_bytes[rows].sum(), len(n_tokens)
        ),
        kld=None if kld is None else interval(lambda rows: kld[rows].mean(), len(n_tokens)),
        kld_p99=None
        if kld is None
        else interval(lambda rows: np.quantile(kld[rows], 0.99), len(n_tokens)),
        same_top=None if same is None else interval(lambda rows: same[rows].mean(), len(n_tokens)),
        reference=reference,
        text=text.name,
        text_sha256=text.sha256,
        n_ctx=plan.n_ctx,
        n_chunks=len(n_tokens),
        n_tokens=int(n_tokens.sum()),
        backend=backend,
    )


def interval(
    statistic: Callable[[NDArray[np.intp]], float], n_chunks: int, n_resamples: int = N_RESAMPLES
) -> Figure:
    """Return a statistic of chunks with its 95 % interval.

    Percentile bootstrap over chunks (Efron & Tibshirani 1993, ch. 13). Chunks are drawn and not
    tokens: neighbouring tokens err together, chunks hardly. The tails are widened for few chunks,
    for which plain percentiles are too narrow (Hesterberg 2015,
    doi:10.1080/00031305.2015.1089789).

    Args:
        statistic: Takes the numbers of the chunks drawn, shape (n_chunks,).
        n_chunks: How many there are; one has no interval.
        n_resamples: How often to draw.
    """
    value = float(statistic(np.arange(n_chunks)))
    if n_chunks < 2:
        return Figure(value, None, None)
    rng = np.random.default_rng(SEED)
    draws = [statistic(rng.integers(0, n_chunks, n_chunks)) for _ in range(n_resamples)]
    tail = ndtr(math.sqrt(n_chunks / (n_chunks - 1)) * stdtrit(n_chunks - 1, TAIL))
    low, high = np.quantile(draws, (tail, 1 - tail))
    return Figure(value, float(low), float(high))
