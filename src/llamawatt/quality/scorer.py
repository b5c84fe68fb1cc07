"""Judges a model in a process of its own: an abort inside llama.cpp ends this one and no other.

`python -m llamawatt.quality.scorer`: a job as JSON on stdin; on stdout one JSON line with the
number of chunks, then one per chunk as it is finished. An error is a line as well.
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TextIO

import numpy as np

from llamawatt.core.errors import LlamawattError, ModelError
from llamawatt.quality.libllama import Library
from llamawatt.quality.loaded import LoadedModel, Setting
from llamawatt.quality.predictions import divergence, negative_log_likelihood

OTHER_REFERENCE = "Choose as reference the same model at more bits."


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """What to judge.

    Attributes:
        library: Path of the libllama.
        model: Path of the model.
        setting: Its setting, as a dict.
        reference: Path of the reference; empty for none.
        reference_setting: The reference's setting.
        text: Path of the text.
        n_ctx: Tokens per chunk.
        n_chunks: Most chunks; None takes the whole text.
        n_threads: CPU threads.
        n_gpu_layers: Layers on the GPU.
        done: Chunks that need no judging.
    """

    library: str
    model: str
    setting: dict[str, str]
    reference: str
    reference_setting: dict[str, str]
    text: str
    n_ctx: int
    n_chunks: int | None
    n_threads: int
    n_gpu_layers: int
    done: tuple[int, ...]

    def encode(self) -> bytes:
        """Return it as JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, raw: bytes) -> "ScoreJob":
        """Read what `encode` wrote."""
        found = json.loads(raw)
        return cls(**{field.name: found[field.name] for field in fields(cls)})


@dataclass(frozen=True, slots=True)
class ChunkScore:
    """Figures of one chunk.

    Attributes:
        chunk: Its number, from 0.
        nll: Negative log-likelihood of its scored tokens, nats, summed.
        n_tokens: Scored tokens.
        n_bytes: Bytes of text that they stand for.
        kld: Divergence from the reference at each, nats; None without reference.
        same_top: Whether both find the same token most likely; None without reference.
    """

    chunk: int
    nll: float
    n_tokens: int
    n_bytes: int
    kld: list[float] | None = None
    same_top: list[bool] | None = None


def run(job: ScoreJob, out: TextIO) -> None:
    """Judge and write a line per chunk.

    Raises:
        ModelError: a model cannot be judged, or not against this reference.
    """
    library = Library(Path(job.library))
    subject = _load(library, job, job.model, job.setting)
    reference = _load(library, job, job.reference, job.reference_setting) if job.reference else None
    try:
        text = Path(job.text).read_text("utf-8")
        tokens = subject.tokenize(text)
        if reference is not None:
            _require_alike(subject, reference, tokens, text)
        n_chunks = len(tokens) // job.n_ctx
        _require_length(len(tokens), job.n_ctx)
        n_chunks = min(n_chunks, job.n_chunks or n_chunks)
        _write(out, {"n_chunks": n_chunks})
        for chunk in sorted(set(range(n_chunks)) - set(job.done)):
            part = tokens[chunk * job.n_ctx : (chunk + 1) * job.n_ctx]
            _write(out, asdict(_score(chunk, part, subject, reference)))
    finally:
        subject.close()
        if reference is not None:
            reference.close()


def _load(library: Library, job: ScoreJob, path: str, setting: dict[str, str]) -> LoadedModel:
    return LoadedModel(
        library, Path(path), job.n_ctx, job.n_threads, Setting(**setting), job.n_gpu_layers
    )


def _score(
    chunk: int, tokens: Sequence[int], subject: LoadedModel, reference: LoadedModel | None
) -> ChunkScore:
    # The second half but for the last token, whose successor is in the next chunk: so every
    # scored token has at least half a context before it (as llama-perplexity counts).
    first = len(tokens) // 2
    truth = np.array(tokens[first + 1 :], np.int64)
    ours = subject.logits(tokens, first)[:-1]
    nll = float(negative_log_likelihood(ours, truth).sum())
    n_bytes = sum(subject.n_bytes(int(token)) for token in truth)
    if reference is None:
        return ChunkScore(chunk, nll, len(truth), n_bytes)
    theirs = reference.logits(tokens, first)[:-1]
    kld = divergence(theirs, ours).tolist()
    same = (theirs.argmax(axis=1) == ours.argmax(axis=1)).tolist()
    return ChunkScore(chunk, nll, len(truth), n_bytes, kld, same)


def require_same_size(n_vocab: int | None, n_reference: int | None) -> None:
    """Check that two vocabularies have as many tokens, where both say how many.

    Raises:
        ModelError: they have not.
    """
    if n_vocab and n_reference and n_vocab != n_reference:
        raise ModelError(
            f"The reference has a vocabulary of {n_reference} tokens, the model one of {n_vocab}.",
            OTHER_REFERENCE,
        )


def _require_alike(
    subject: LoadedModel, reference: LoadedModel, tokens: list[int], text: str
) -> None:
    require_same_size(subject.n_vocab, reference.n_vocab)
    if reference.tokenize(text) != tokens:
        raise ModelError(
            "The reference splits the text into other tokens than the model.", OTHER_REFERENCE
        )


def _require_length(n_tokens: int, n_ctx: int) -> None:
    # Two chunks at least, as llama-perplexity wants: one has no interval.
    if n_tokens < 2 * n_ctx:
        raise ModelError(
            f"The text has {n_tokens} tokens; a context of {n_ctx} needs at least {2 * n_ctx}.",
            "Give a longer text or a smaller --ctx.",
        )


def _write(out: TextIO, line: dict[str, object]) -> None:
    out.write(json.dumps(line) + "\n")
    out.flush()


def main() -> int:
    """Run the job on stdin and return an exit code."""
    # Whatever llama.cpp prints goes to stderr; the lines have stdout for themselves.
    own = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        run(ScoreJob.decode(sys.stdin.buffer.read()), own)
    except LlamawattError as error:
        _write(own, {"error": error.what, "remedy": error.remedy})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
