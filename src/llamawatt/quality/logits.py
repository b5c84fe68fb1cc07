"""Files of log-probabilities as llama-perplexity's `--kl-divergence-base` writes them.

Layout (llama.cpp, tools/perplexity): `_logits_`, then int32 n_ctx, n_vocab, n_chunks, then every
token as int32, then for each chunk and each scored token one row of 16-bit words: float32 scale,
float32 floor, n_vocab steps (padded to an even count), log p = floor + scale x step. The floor is
16 below the largest logit. The second half of each chunk is scored, but for its last token.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from llamawatt.core.errors import ModelError

MAGIC = b"_logits_"
N_HEAD = len(MAGIC) + 12
LOWEST = -16.0
"""Log-probabilities below this are not resolved; llama-perplexity leaves them out as well."""

Floats = NDArray[np.float32]
Tokens = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Shape:
    """Dimensions of such a file."""

    n_ctx: int
    n_vocab: int
    n_chunks: int

    @property
    def n_scored(self) -> int:
        """Tokens scored per chunk."""
        return self.n_ctx - 1 - self.n_ctx // 2

    @property
    def row_words(self) -> int:
        """16-bit words per scored token."""
        return 2 * ((self.n_vocab + 1) // 2) + 4

    @property
    def size_bytes(self) -> int:
        """Size of the whole file."""
        rows = self.n_chunks * self.n_scored * self.row_words * 2
        return N_HEAD + self.n_chunks * self.n_ctx * 4 + rows


def write_head(path: Path, shape: Shape, tokens: Tokens) -> None:
    """Begin a file: its head and its tokens."""
    numbers = np.array([shape.n_ctx, shape.n_vocab, shape.n_chunks], np.int32)
    path.write_bytes(MAGIC + numbers.tobytes() + tokens.astype(np.int32).tobytes())


def encode_rows(logits: Floats) -> NDArray[np.uint16]:
    """Return logits, shape (n, n_vocab), as rows of 16-bit words, as llama-perplexity rounds."""
    n_vocab = logits.shape[1]
    top = logits.max(axis=1, keepdims=True)
    bottom = np.maximum(logits.min(axis=1, keepdims=True), top + LOWEST)
    log_sum = np.log(np.exp(logits - top).sum(axis=1, keepdims=True, dtype=np.float64))
    scale = ((top - bottom) / 65535).astype(np.float32)
    floor = (bottom - top - log_sum).astype(np.float32)
    steps = np.rint(np.clip(logits - bottom, 0, None) / np.where(scale > 0, scale, 1))
    rows = np.zeros((len(logits), 2 * ((n_vocab + 1) // 2) + 4), np.uint16)
    rows[:, :2] = scale.view(np.uint16)
    rows[:, 2:4] = floor.view(np.uint16)
    rows[:, 4 : 4 + n_vocab] = steps
    return rows


class LogitsFile:
    """Such a file, read chunk by chunk. A context manager.

    Raises:
        ModelError: it is none, or it is cut short.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        head = self._file.read(N_HEAD)
        if len(head) < N_HEAD or not head.startswith(MAGIC):
            self._file.close()
            raise ModelError(f"{path} holds no log-probabilities of llama-perplexity.")
        n_ctx, n_vocab, n_chunks = (int(n) for n in np.frombuffer(head[len(MAGIC) :], "<i4"))
        self.shape = Shape(n_ctx, n_vocab, n_chunks)
        size_bytes = path.stat().st_size
        if min(n_ctx, n_vocab, n_chunks) <= 0 or size_bytes != self.shape.size_bytes:
            self._file.close()
            raise ModelError(
                f"{path} is cut short or broken: {size_bytes} bytes for {n_chunks} chunks.",
                "Remove it and run again.",
            )
        self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._map.close()
        self._file.close()

    def tokens(self) -> Tokens:
        """Return every token, shape (n_chunks, n_ctx)."""
        count = self.shape.n_chunks * self.shape.n_ctx
        flat = np.frombuffer(self._map[N_HEAD : N_HEAD + 4 * count], "<i4")
        return flat.reshape(self.shape.n_chunks, self.shape.n_ctx)

    def scored_tokens(self) -> Tokens:
        """Return the tokens that are predicted, shape (n_chunks, n_scored)."""
        return self.tokens()[:, self.shape.n_ctx // 2 + 1 :]

    def nll(self, chunk: int) -> float:
        """Return one chunk's mean negative log-likelihood per scored token, nats."""
        rows = np.concatenate(
            [block[np.arange(len(block)), tokens] for block, tokens in self._with_tokens(chunk)]
        )
        return -float(rows.mean(dtype=np.float64))

    def _with_tokens(self, chunk: int) -> Iterator[tuple[Floats, Tokens]]:
        tokens, at = self.scored_tokens()[chunk], 0
        for block in self.log_probabilities(chunk):
            yield block, tokens[at : at + len(block)]
            at += len(block)

    def log_probabilities(self, chunk: int) -> Iterator[Floats]:
        """Yield one chunk's log-probabilities a few rows at a time, shape (rows, n_vocab)."""
        shape = self.shape
        start = N_HEAD + 4 * shape.n_chunks * shape.n_ctx
        start += chunk * shape.n_scored * shape.row_words * 2
        step = max(1, _BLOCK_VALUES // shape.n_vocab)
        for first in range(0, shape.n_scored, step):
            n_rows = min(step, shape.n_scored - first)
            at = start + first * shape.row_words * 2
            words = np.frombuffer(self._map[at : at + n_rows * shape.row_words * 2], "<u2")
            yield decode_rows(words.reshape(n_rows, shape.row_words), shape.n_vocab)


_BLOCK_VALUES = 4_000_000
"""Values decoded at once: 16 MB."""


def decode_rows(rows: NDArray[np.uint16], n_vocab: int) -> Floats:
    """Return log-probabilities, shape (n, n_vocab), of rows of 16-bit words."""
    scale = np.ascontiguousarray(rows[:, :2]).view(np.float32)
    floor = np.ascontiguousarray(rows[:, 2:4]).view(np.float32)
    return rows[:, 4 : 4 + n_vocab] * scale + floor
