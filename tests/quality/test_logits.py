"""Files of log-probabilities: round trips, hostile files, and divergences with a known answer."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.errors import ModelError
from llamawatt.quality.divergence import diverge
from llamawatt.quality.logits import LogitsFile, Shape, decode_rows, encode_rows, write_head


def log_softmax(logits):
    top = logits.max(axis=1, keepdims=True)
    return logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))


def write(path: Path, logits, tokens=None, n_ctx: int = 8) -> Path:
    """Write logits, shape (n_chunks, n_scored, n_vocab)."""
    n_chunks, _, n_vocab = logits.shape
    shape = Shape(n_ctx, n_vocab, n_chunks)
    if tokens is None:
        tokens = np.arange(n_chunks * n_ctx, dtype=np.int32) % n_vocab
    write_head(path, shape, tokens)
    with path.open("ab") as file:
        for chunk in logits:
            file.write(encode_rows(chunk.astype(np.float32)).tobytes())
    return path


@given(seed=st.integers(0, 2**32 - 1), n_vocab=st.integers(2, 99), spread=st.floats(0, 30))
def test_rows_keep_log_probabilities_within_half_a_step(seed, n_vocab, spread):
    logits = np.random.default_rng(seed).normal(0, spread, (3, n_vocab)).astype(np.float32)
    kept = decode_rows(encode_rows(logits), n_vocab)
    expected = log_softmax(logits.astype(float))
    floor = expected.max(axis=1, keepdims=True) - 16
    assert np.abs(kept - np.maximum(expected, floor)).max() <= 16 / 65535


def test_a_file_gives_back_its_tokens_and_rows(tmp_path):
    logits = np.random.default_rng(0).normal(0, 2, (2, 3, 11))
    with LogitsFile(write(tmp_path / "a", logits)) as file:
        assert file.shape == Shape(8, 11, 2)
        assert file.tokens()[1, 0] == 8
        assert file.scored_tokens().tolist()[0] == [5, 6, 7]
        rows = np.concatenate(list(file.log_probabilities(1)))
    assert np.allclose(rows, log_softmax(logits[1]), atol=1e-3)


def test_divergence_is_zero_from_itself_and_the_formula_from_another(tmp_path):
    rng = np.random.default_rng(1)
    p, q = rng.normal(0, 2, (2, 3, 50)), rng.normal(0, 2, (2, 3, 50))
    first, second = write(tmp_path / "p", p), write(tmp_path / "q", q)
    with LogitsFile(first) as a, LogitsFile(first) as b:
        same = diverge(a, b)
    assert np.abs(same.kld).max() == 0
    assert same.agrees.all()
    with LogitsFile(first) as a, LogitsFile(second) as b:
        found = diverge(a, b)
    for chunk in range(2):
        log_p, log_q = log_softmax(p[chunk]), log_softmax(q[chunk])
        expected = (np.exp(log_p) * (log_p - log_q)).sum(axis=1)
        assert np.allclose(found.kld[chunk], expected, rtol=1e-3, atol=1e-4)
        assert (found.agrees[chunk] == (p[chunk].argmax(1) == q[chunk].argmax(1))).all()


def test_another_vocabulary_or_other_tokens_are_refused(tmp_path):
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 1, (1, 3, 20))
    base = write(tmp_path / "base", logits)
    wider = write(tmp_path / "wider", rng.normal(0, 1, (1, 3, 21)))
    other = write(tmp_path / "other", logits, np.zeros(8, np.int32))
    with LogitsFile(base) as a, LogitsFile(wider) as b, pytest.raises(ModelError, match="of 20"):
        diverge(a, b)
    with LogitsFile(base) as a, LogitsFile(other) as b, pytest.raises(ModelError, match="splits"):
        diverge(a, b)


@pytest.mark.parametrize(
    "harm",
    [
        lambda raw: raw[:-1],
        lambda raw: raw + b"\0",
        lambda raw: raw[:8] + (2**31 - 1).to_bytes(4, "little") * 3 + raw[20:],
        lambda raw: raw[:8] + (0).to_bytes(4, "little") + raw[12:],
        lambda raw: b"_LOGITS_" + raw[8:],
        lambda _: b"",
    ],
)
def test_broken_files_are_named(tmp_path, harm):
    path = write(tmp_path / "a", np.zeros((1, 3, 10)))
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(ModelError):
        LogitsFile(path)
