"""Quality: intervals, resumption, refusals, and agreement with the real llama-perplexity."""

import math
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from llamawatt.core.errors import ModelError, UsageError
from llamawatt.models.fetch.embedded import embedded_model
from llamawatt.models.file import ModelFile
from llamawatt.quality.eval_text import load_text
from llamawatt.quality.judgement import Candidate, interval, measure_quality
from llamawatt.quality.library_backend import LibraryBackend
from llamawatt.quality.scores import Plan, Scores
from tests.models.ggufs import write_model
from tests.models.llamacpp import library_environment, program

N_CHUNKS, N_SCORED = 12, 63


@dataclass
class Simulated:
    """A backend whose tokens each cost `nll` nats on average."""

    nll: float = 2.0
    fails_on: str = ""
    name: str = "simulated"
    version: str = "1"
    judged: list[str] = field(default_factory=list)

    def score(self, subject, reference, text, plan, work, progress=None):
        if subject.path.name == self.fails_on:
            raise ModelError("It died.")
        self.judged.append(subject.path.name)
        rng = np.random.default_rng(len(subject.path.name))
        sums = rng.normal(self.nll, 0.1, (N_CHUNKS, N_SCORED)).sum(axis=1)
        counts = np.full(N_CHUNKS, N_SCORED)
        kld = rng.exponential(0.1, (N_CHUNKS, N_SCORED)) if reference else None
        same = rng.random((N_CHUNKS, N_SCORED)) < 0.9 if reference else None
        return Scores(sums, counts, 4 * counts, kld, same)


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.setenv("LLAMAWATT_CACHE", str(tmp_path / "cache"))

    def make(name: str) -> Candidate:
        path = tmp_path / name
        path.write_bytes(b"GGUF" + name.encode())
        return Candidate(ModelFile(path, path.stem, str(path)))

    return make


@pytest.fixture(scope="module")
def embedded():
    program("llama-perplexity")
    return Candidate(embedded_model())


def test_figures_are_those_of_the_definition_and_inside_their_intervals(model):
    one = measure_quality([model("a.gguf")], model("f16.gguf"), load_text(), Plan(), Simulated())[0]
    assert one.perplexity.value == pytest.approx(math.exp(2), rel=0.02)
    assert one.bits_per_byte.value == pytest.approx(
        math.log2(one.perplexity.value) / 4, rel=1e-9
    ), "four bytes a token"
    assert one.kld.value == pytest.approx(0.1, rel=0.1)
    assert one.kld_p99.value == pytest.approx(0.1 * math.log(100), rel=0.3)
    assert one.same_top.value == pytest.approx(0.9, abs=0.05)
    for figure in (one.perplexity, one.bits_per_byte, one.kld, one.kld_p99, one.same_top):
        assert figure.low < figure.value < figure.high
    assert (one.n_chunks, one.n_tokens, one.reference) == (N_CHUNKS, N_CHUNKS * N_SCORED, "f16")


def test_intervals_cover_the_truth_as_often_as_they_say():
    rng, hits, n_trials = np.random.default_rng(3), 0, 300
    for _ in range(n_trials):
        values = rng.normal(1.0, 0.3, 6)
        figure = interval(lambda rows, values=values: values[rows].mean(), 6, n_resamples=400)
        hits += figure.low <= 1.0 <= figure.high
    assert 0.90 <= hits / n_trials <= 0.99


def test_without_a_reference_nothing_is_said_of_divergence(model):
    one = measure_quality([model("a.gguf")], None, load_text(), Plan(), Simulated())[0]
    assert (one.kld, one.kld_p99, one.same_top, one.reference) == (None, None, None, "")


def test_an_interrupted_call_goes_on_and_a_repeated_one_is_answered_at_once(model):
    models, backend = [model("a.gguf"), model("bb.gguf")], Simulated(fails_on="bb.gguf")
    with pytest.raises(ModelError, match="died"):
        measure_quality(models, None, load_text(), Plan(), backend)
    backend.fails_on = ""
    first = measure_quality(models, None, load_text(), Plan(), backend)
    assert backend.judged == ["a.gguf", "bb.gguf"]
    assert measure_quality(models, None, load_text(), Plan(), backend) == first
    assert backend.judged == ["a.gguf", "bb.gguf"]


def test_what_decides_the_figures_is_judged_anew(model, tmp_path):
    backend, one = Simulated(), model("a.gguf")
    text = tmp_path / "text.txt"
    text.write_text("other words")
    for plan, words in ((Plan(), None), (Plan(256), None), (Plan(), text)):
        measure_quality([one], None, load_text(words), plan, backend)
    backend.version = "2"
    measure_quality([one], None, load_text(), Plan(), backend)
    assert len(backend.judged) == 4


@pytest.mark.parametrize("plan", [Plan(4), Plan(512, 0)])
def test_plans_that_cannot_be_are_refused(model, plan):
    with pytest.raises(UsageError, match="cannot be judged"):
        measure_quality([model("a.gguf")], None, load_text(), plan, Simulated())


def test_a_text_that_cannot_be_long_enough_is_told_before_anything_runs(small, tmp_path):
    path = tmp_path / "short.txt"
    path.write_text("Too short.")
    with pytest.raises(ModelError, match="has 10 bytes; a context of 512 needs at least 1024"):
        measure_quality([small], None, load_text(path), Plan(), LibraryBackend.at())


def test_the_shipped_text_is_long_enough_and_says_where_it_is_from():
    text = load_text()
    assert len(text.text.encode()) > 25_000
    assert "CC0" in text.source


@pytest.mark.parametrize("content", [b"", b"  \n", b"\xff\xfe\x00"])
def test_texts_that_are_none_are_refused(tmp_path, content):
    path = tmp_path / "t.txt"
    path.write_bytes(content)
    with pytest.raises(UsageError):
        load_text(path)
    with pytest.raises(UsageError, match="cannot be read"):
        load_text(tmp_path / "missing.txt")


def test_a_missing_library_is_told():
    with pytest.raises(ModelError, match="no libllama at /nowhere/llama-perplexity"):
        LibraryBackend.at(Path("/nowhere/llama-perplexity"))


@pytest.mark.serial
def test_perplexity_is_that_of_llama_perplexity(embedded, tmp_path, monkeypatch):
    tool = program("llama-perplexity")
    monkeypatch.setenv("LLAMAWATT_CACHE", str(tmp_path / "cache"))
    text, plan = load_text(), Plan(128, 4, n_threads=2)
    one = measure_quality([embedded], None, text, plan, LibraryBackend.at(tool))[0]
    words = tmp_path / "text.txt"
    words.write_text(text.text)
    command = [tool, "-m", embedded.file.path, "-f", words, "-c", "128", "--chunks", "4", "-t", "2"]
    final = None
    while final is None:  # on a busy machine the program loses its last line now and then
        said = subprocess.run(
            command, capture_output=True, text=True, check=True, env=library_environment(tool)
        )
        final = re.search(r"PPL = ([0-9.]+)", said.stdout + said.stderr)
    assert one.perplexity.value == pytest.approx(float(final.group(1)), rel=0.01)
    assert one.n_chunks == 4
    assert 0.5 < one.bits_per_byte.value < 2.5


@pytest.mark.serial
def test_divergence_is_zero_from_itself_and_rises_with_fewer_bits(embedded, tmp_path, monkeypatch):
    quantizer = program("llama-quantize")
    monkeypatch.setenv("LLAMAWATT_CACHE", str(tmp_path / "cache"))
    fewer = []
    for label in ("Q4_0", "Q2_K"):
        path = tmp_path / f"smol-{label}.gguf"
        subprocess.run(
            [quantizer, "--allow-requantize", embedded.file.path, path, label, "2"],
            capture_output=True, check=True, env=library_environment(quantizer),
        )  # fmt: skip
        fewer.append(Candidate(ModelFile(path, path.stem, str(path))))
    backend = LibraryBackend.at(program("llama-perplexity"))
    found = measure_quality(
        [embedded, *fewer], embedded, load_text(), Plan(128, 4, n_threads=2), backend
    )
    itself, q4, q2 = found
    assert itself.kld.value == pytest.approx(0, abs=1e-6)
    assert itself.same_top.value == 1
    assert 0 < q4.kld.value < q2.kld.value
    assert q2.same_top.value < q4.same_top.value < 1
    assert q4.perplexity.value < q2.perplexity.value


@pytest.fixture
def small(tmp_path, monkeypatch):
    monkeypatch.setenv("LLAMAWATT_CACHE", str(tmp_path / "cache"))
    tensors = {"token_embd.weight": ((99, 32), "F16")}
    path = write_model(tmp_path / "small.gguf", tensors, n_vocab=99)
    return Candidate(ModelFile(path, "small", str(path)))


@pytest.mark.serial
def test_a_text_shorter_than_the_context_is_told(embedded, tmp_path, monkeypatch):
    monkeypatch.setenv("LLAMAWATT_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "short.txt"
    path.write_text("Too short to judge anybody by. " * 40)
    backend = LibraryBackend.at(program("llama-perplexity"))
    with pytest.raises(ModelError, match=r"has \d+ tokens; a context of 512 needs at least 1024"):
        measure_quality([embedded], None, load_text(path), Plan(n_threads=2), backend)
    assert not list((tmp_path / "cache").rglob("*.part"))


@pytest.mark.serial
def test_a_reference_with_another_vocabulary_is_refused(embedded, tmp_path, monkeypatch):
    monkeypatch.setenv("LLAMAWATT_CACHE", str(tmp_path / "cache"))
    tensors = {"token_embd.weight": ((99, 32), "F16")}
    path = write_model(tmp_path / "other.gguf", tensors, n_vocab=99)
    other = Candidate(ModelFile(path, "other", str(path)))
    backend = LibraryBackend.at(program("llama-perplexity"))
    with pytest.raises(ModelError, match="vocabulary of 99 tokens"):
        measure_quality([embedded], other, load_text(), Plan(n_threads=2), backend)
