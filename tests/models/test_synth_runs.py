"""Synthetic models in the real llama.cpp: they load, tokenise, predict and reply."""

import pytest

from llamawatt.models.file import ModelFile
from llamawatt.models.make.mix import QUANTIZATIONS
from llamawatt.models.make.shapes import SHAPES, ModelShape
from llamawatt.models.make.synth import synthesize
from llamawatt.quality.eval_text import load_text
from llamawatt.quality.judgement import Candidate, measure_quality
from llamawatt.quality.library_backend import LibraryBackend
from llamawatt.quality.scores import Plan

SMALL = {
    "llama": ModelShape("llama", 3, 512, 1024, 8, 2, 2000, 512, 10000.0),
    "qwen2": ModelShape("qwen2", 2, 448, 1216, 7, 1, 2000, 512, 1e6, tied=True, biased=True),
}


@pytest.fixture(params=SMALL)
def shape(request, monkeypatch):
    monkeypatch.setitem(SHAPES, "small", SMALL[request.param])
    return request.param


@pytest.mark.serial
@pytest.mark.parametrize("quantization", QUANTIZATIONS)
def test_every_type_predicts_finite_numbers(quantization, shape, tmp_path, monkeypatch):
    backend = LibraryBackend.at()
    monkeypatch.setenv("LLAMAWATT_CACHE", str(tmp_path / "cache"))
    path = synthesize("small", quantization, tmp_path / "small.gguf")
    words = tmp_path / "text.txt"
    words.write_text("The quick brown fox, 17 times, jumped over – naïvely – a lazy dog. " * 20)
    one = measure_quality(
        [Candidate(ModelFile(path, "small", str(path)))],
        None,
        load_text(words),
        Plan(64, 4, n_threads=2),
        backend,
    )[0]
    # Random weights know nothing: about as many guesses as there are tokens, within scatter.
    assert 200 < one.perplexity.value < 2_000_000
    assert one.bits_per_byte is not None


@pytest.mark.serial
def test_a_synthetic_model_replies_in_the_embedded_server(shape, tmp_path):
    xllamacpp = pytest.importorskip("xllamacpp")
    model = synthesize("small", "Q4_0", tmp_path / "small.gguf")
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.n_ctx, params.n_parallel, params.warmup = 256, 1, False
    params.cpuparams.n_threads = 2
    server = xllamacpp.Server(params)
    reply = server.handle_completions({"prompt": "Hello", "max_tokens": 8, "ignore_eos": True})
    assert reply["usage"]["completion_tokens"] == 8
