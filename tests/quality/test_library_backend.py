import math
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf import GGUFReader, GGUFWriter
from gguf.constants import GGMLQuantizationType

from llamawatt.core.errors import ModelError
from llamawatt.models.make.shapes import SHAPES, ModelShape
from llamawatt.models.make.synth import synthesize
from llamawatt.quality import library_backend
from llamawatt.quality.eval_text import EvalText
from llamawatt.quality.library_backend import LibraryBackend
from llamawatt.quality.loaded import Setting
from llamawatt.quality.predictions import divergence, log_probabilities, negative_log_likelihood
from llamawatt.quality.scores import Plan, Scores, Subject
from tests.models.llamacpp import library_environment, program

TINY = ModelShape("llama", 2, 256, 512, 4, 2, 2048, 256, 10000.0)
OTHER = ModelShape("llama", 2, 256, 512, 4, 2, 2050, 256, 10000.0)
PROSE = "The mill stood where the river bent, and no one could say who had built it first. " * 8
TEXT = EvalText("prose", PROSE, "0", "here")
PLAN = Plan(n_ctx=64, n_chunks=None, n_threads=1)

pytestmark = pytest.mark.serial


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SHAPES, "tiny", TINY)
        patch.setitem(SHAPES, "other", OTHER)
        synthesize("tiny", "F16", folder / "F16.gguf")
        synthesize("other", "F16", folder / "other.gguf")
    for name in ("Q8_0", "Q5_0", "Q4_0"):
        quantized(folder / "F16.gguf", name, folder / f"{name}.gguf")
    return folder


def quantized(source: Path, name: str, target: Path) -> None:
    """Write the blocks' matrices at another type, by the gguf package's own quantiser."""
    reader = GGUFReader(source)
    writer = GGUFWriter(target, "llama")
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key == "general.architecture":
            continue
        item = field.types[-1] if len(field.types) > 1 else None
        writer.add_key_value(key, field.contents(), field.types[0], item)
    for tensor in reader.tensors:
        if tensor.name.startswith("blk.") and tensor.data.ndim > 1:
            kind = GGMLQuantizationType[name]
            data = gguf.quantize(tensor.data.astype(np.float32), kind)
            writer.add_tensor(tensor.name, data, raw_dtype=kind)
        else:
            writer.add_tensor(tensor.name, np.asarray(tensor.data))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> LibraryBackend:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLAMAWATT_CACHE", str(tmp_path_factory.mktemp("cache")))
        return LibraryBackend.at()


def subject(folder: Path, name: str, setting: Setting | None = None) -> Subject:
    return Subject(folder / f"{name}.gguf", name, setting or Setting())


def test_a_model_does_not_differ_from_itself(
    backend: LibraryBackend, folder: Path, tmp_path: Path
) -> None:
    same = subject(folder, "F16")
    scores = backend.score(same, same, TEXT, PLAN, tmp_path)
    assert scores.kld is not None
    assert scores.same_top is not None
    assert scores.kld.shape == (len(scores.nll), PLAN.n_ctx // 2 - 1)
    assert np.abs(scores.kld).max() < 1e-9
    assert scores.same_top.all()


def test_fewer_bits_differ_more(backend: LibraryBackend, folder: Path, tmp_path: Path) -> None:
    means = []
    for name in ("Q8_0", "Q5_0", "Q4_0"):
        work = tmp_path / name
        work.mkdir()
        scores = backend.score(subject(folder, name), subject(folder, "F16"), TEXT, PLAN, work)
        assert scores.kld is not None
        assert scores.kld.min() >= -1e-9
        means.append(scores.kld.mean())
    assert 0 < means[0] < means[1] < means[2]


def test_a_coarse_cache_differs_from_a_fine_one(
    backend: LibraryBackend, folder: Path, tmp_path: Path
) -> None:
    coarse = subject(folder, "F16", Setting("q4_0", "q4_0", "on"))
    scores = backend.score(coarse, subject(folder, "F16"), TEXT, PLAN, tmp_path)
    assert scores.kld is not None
    assert scores.kld.mean() > 1e-6


def test_without_reference_there_is_no_divergence(
    backend: LibraryBackend, folder: Path, tmp_path: Path
) -> None:
    heard: list[tuple[str, int, int | None]] = []
    scores = backend.score(
        subject(folder, "F16"), None, TEXT, PLAN, tmp_path, lambda *step: heard.append(step)
    )
    n_chunks = len(scores.nll)
    assert scores.kld is None
    assert scores.same_top is None
    assert (scores.n_tokens == PLAN.n_ctx // 2 - 1).all()
    assert scores.n_bytes is not None
    assert scores.n_bytes.sum() < len(PROSE.encode())
    assert [done for _, done, _ in heard] == list(range(n_chunks + 1))
    assert {total for _, _, total in heard} == {n_chunks}


def test_a_killed_judgement_goes_on_and_repeats_nothing(
    backend: LibraryBackend, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, plan = subject(folder, "Q4_0"), Plan(64, 4, 1)
    whole, work = tmp_path / "whole", tmp_path / "work"
    whole.mkdir()
    work.mkdir()
    expected = backend.score(first, subject(folder, "F16"), TEXT, plan, whole)

    def stop(_name: str, done: int, _total: int | None) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backend.score(first, subject(folder, "F16"), TEXT, plan, work, stop)
    kept = work / "chunks.jsonl"
    assert len(kept.read_text().splitlines()) == 2
    with kept.open("a") as file:
        file.write('{"chunk": 2, "nll": 1.0, "n_tok')
    jobs = []
    real = library_backend._started
    monkeypatch.setattr(
        library_backend, "_started", lambda job, log: (jobs.append(job), real(job, log))[1]
    )
    scores = backend.score(first, subject(folder, "F16"), TEXT, plan, work)
    assert jobs[0].done == (0, 1)
    for name in Scores.__slots__:
        np.testing.assert_array_equal(getattr(scores, name), getattr(expected, name))


def test_a_crash_of_llama_cpp_is_told_in_a_sentence(
    backend: LibraryBackend, folder: Path, tmp_path: Path
) -> None:
    def kill(_name: str, done: int, _total: int | None) -> None:
        if done == 1:
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
            os.kill(int(children[-1]), signal.SIGABRT)
            time.sleep(0.2)

    if not sys.platform.startswith("linux"):
        pytest.skip("finds the child in /proc")
    with pytest.raises(ModelError, match="SIGABRT"):
        backend.score(subject(folder, "F16"), None, TEXT, PLAN, tmp_path, kill)


def test_what_cannot_be_judged_is_named(
    backend: LibraryBackend, folder: Path, tmp_path: Path
) -> None:
    ours = subject(folder, "F16")
    with pytest.raises(ModelError, match="vocabulary of 2050 tokens, the model one of 2048"):
        backend.score(ours, subject(folder, "other"), TEXT, PLAN, tmp_path)
    with pytest.raises(ModelError, match=r"The text has \d+ tokens; a context of 256 needs"):
        backend.score(ours, None, TEXT, Plan(256, None, 1), tmp_path)
    cut = folder / "cut.gguf"
    cut.write_bytes(ours.path.read_bytes()[:-5000])
    with pytest.raises(ModelError, match="cut short"):
        backend.score(subject(folder, "cut"), None, TEXT, PLAN, tmp_path)


def test_a_vocabulary_of_the_same_size_but_other_tokens_is_another(
    backend: LibraryBackend, folder: Path, tmp_path: Path
) -> None:
    raw = (folder / "F16.gguf").read_bytes()
    renamed = raw.replace("▁t".encode(), "▁Z".encode()).replace(
        b"\x02\0\0\0\0\0\0\0th", b"\x02\0\0\0\0\0\0\0Zh"
    )
    (folder / "renamed.gguf").write_bytes(renamed)
    with pytest.raises(ModelError, match="other tokens than the model"):
        backend.score(subject(folder, "F16"), subject(folder, "renamed"), TEXT, PLAN, tmp_path)


def test_perplexity_is_that_of_llama_perplexity(
    backend: LibraryBackend, folder: Path, tmp_path: Path
) -> None:
    tool = program("llama-perplexity")
    text = tmp_path / "text.txt"
    text.write_text(PROSE)
    command = [tool, "-m", folder / "Q8_0.gguf", "-f", text, "-c", "64", "-b", "64", "-t", "1"]
    for _ in range(20):
        # It logs from a thread that its exit cuts off now and then.
        said = subprocess.run(
            command, capture_output=True, text=True, env=library_environment(tool), check=True
        )
        if found := re.search(r"PPL = ([0-9.]+)", said.stdout + said.stderr):
            break
    assert found is not None
    scores = backend.score(subject(folder, "Q8_0"), None, TEXT, PLAN, tmp_path)
    ours = math.exp(scores.nll.sum() / scores.n_tokens.sum())
    assert ours == pytest.approx(float(found.group(1)), rel=0.01)


def test_the_version_is_the_library_s_content(backend: LibraryBackend) -> None:
    assert re.fullmatch(r"\S+ [0-9a-f]{12}", backend.version)


def test_figures_of_predictions_are_those_of_their_definitions() -> None:
    rng = np.random.default_rng(3)
    logits, other = (rng.normal(0, 4, (5, 50)).astype(np.float32) for _ in range(2))
    p, q = (np.exp(x.astype(float)) / np.exp(x.astype(float)).sum(1, keepdims=True)
            for x in (logits, other))  # fmt: skip
    truth = np.array([0, 7, 49, 3, 3])
    np.testing.assert_allclose(np.exp(log_probabilities(logits)), p, rtol=1e-9)
    np.testing.assert_allclose(
        negative_log_likelihood(logits, truth), -np.log(p[np.arange(5), truth]), rtol=1e-9
    )
    np.testing.assert_allclose(divergence(logits, other), (p * np.log(p / q)).sum(1), rtol=1e-9)
    assert divergence(logits, logits).tolist() == [0.0] * 5
