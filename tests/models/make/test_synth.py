import dataclasses
import re
import subprocess
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import gguf
import numpy as np
import pytest
from gguf import GGUFReader
from gguf.constants import GGMLQuantizationType

from llamawatt.core.errors import ModelError
from llamawatt.models.gguf.blocks import SCALES, WEIGHT_STD, random_tile
from llamawatt.models.gguf.header import read_header
from llamawatt.models.gguf.inspect import inspect_model
from llamawatt.models.gguf.tensor_types import tensor_bytes, type_name
from llamawatt.models.make.mix import QUANTIZATIONS
from llamawatt.models.make.shapes import SHAPES, ModelShape
from llamawatt.models.make.synth import synthesize
from llamawatt.models.make.vocabulary import tokenizer
from tests.models.llamacpp import library_environment, program

TINY = ModelShape("llama", 4, 256, 512, 4, 2, 1024, 256, 10000.0)
ODD = ModelShape("qwen2", 2, 96, 160, 3, 1, 600, 256, 10000.0, tied=True, biased=True)
N_PARAMS = {
    "tinyllama-1.1b": 1_100_048_384,
    "llama-3.2-1b": 1_235_814_400,
    "llama-3.2-3b": 3_212_749_824,
    "qwen2.5-0.5b": 494_032_768,
    "llama-3.1-8b": 8_030_261_248,
}
"""As the models' own cards and files give them."""


@pytest.fixture(autouse=True)
def _small_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SHAPES, "tiny", TINY)
    monkeypatch.setitem(SHAPES, "odd", ODD)


@pytest.mark.parametrize("shape", ["tiny", "odd"])
@pytest.mark.parametrize("quantization", QUANTIZATIONS)
def test_what_is_written_is_whole_and_says_it_is_synthetic(
    shape: str, quantization: str, tmp_path: Path
) -> None:
    path = synthesize(shape, quantization, tmp_path / "m.gguf")
    facts = inspect_model(path)
    assert facts.synthetic
    assert "random weights" in facts.title
    assert facts.n_layers == SHAPES[shape].n_layers
    assert facts.n_vocab == SHAPES[shape].n_vocab
    header = read_header(path)
    assert [t.name for t in GGUFReader(path).tensors] == [t.name for t in header.tensors]
    last = max(header.tensors, key=lambda tensor: tensor.offset_bytes)
    end_bytes = header.data_start_bytes + last.offset_bytes + tensor_bytes(last)
    assert 0 <= header.file_bytes - end_bytes < 32
    assert list(tmp_path.iterdir()) == [path]


def test_weights_are_finite_and_of_a_trained_model_s_size(tmp_path: Path) -> None:
    for quantization in QUANTIZATIONS:
        path = synthesize("tiny", quantization, tmp_path / "m.gguf")
        for tensor in GGUFReader(path).tensors:
            weights = gguf.dequantize(tensor.data, tensor.tensor_type)
            assert np.isfinite(weights).all()
            if "norm" in tensor.name:
                assert (weights == 1.0).all()
            else:
                assert WEIGHT_STD / 2 < weights.std() < 2 * WEIGHT_STD
                assert abs(weights.mean()) < WEIGHT_STD / 4


@pytest.mark.parametrize("type_name_", [*SCALES, "F16"])
def test_every_random_byte_pattern_is_a_valid_block(type_name_: str) -> None:
    kind = GGMLQuantizationType[type_name_]
    _, block_bytes = gguf.GGML_QUANT_SIZES[kind]
    blocks = random_tile(type_name_, 7)[: block_bytes * 4096].reshape(64, -1)
    raw = blocks.view(np.float16) if type_name_ == "F16" else blocks
    assert np.isfinite(gguf.dequantize(raw, kind)).all()


def test_the_seed_makes_the_weights(tmp_path: Path) -> None:
    first, again, other = (
        synthesize("tiny", "Q4_0", tmp_path / f"{name}.gguf", seed).read_bytes()
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first == again != other


def test_memory_does_not_grow_with_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = ModelShape("llama", 1, 2048, 4096, 32, 8, 24000, 256, 10000.0)
    monkeypatch.setitem(SHAPES, "wide", wide)
    tracemalloc.start()
    path = synthesize("wide", "F16", tmp_path / "wide.gguf")
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size > 200_000_000
    assert peak_bytes < 60_000_000


@pytest.mark.parametrize("shape", N_PARAMS)
def test_shapes_have_their_models_parameters(shape: str) -> None:
    from llamawatt.models.make.synth import _tensors

    assert sum(int(np.prod(t.shape)) for t in _tensors(SHAPES[shape], "Q4_0")) == N_PARAMS[shape]


@pytest.mark.parametrize(("shape", "wrong"), [("nine-b", "Q4_0"), ("tiny", "Q9_Z")])
def test_unknown_names_list_the_known_ones(shape: str, wrong: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="Known are"):
        synthesize(shape, wrong, tmp_path / "m.gguf")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(ModelError, match="GB are needed"):
        synthesize("tiny", "Q4_0", tmp_path / "m.gguf")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("n_vocab", [300, 32_000, 151_936])
def test_the_vocabulary_is_of_its_size_and_has_no_twins(n_vocab: int) -> None:
    tokens, scores, kinds = tokenizer(n_vocab)
    assert len(tokens) == len(set(tokens)) == len(scores) == len(kinds) == n_vocab


def test_a_vocabulary_too_small_for_bytes_is_refused() -> None:
    with pytest.raises(ModelError, match="too small"):
        tokenizer(200)


@pytest.mark.parametrize("shape", ["tinyllama-1.1b", "llama-3.2-1b", "qwen2.5-0.5b"])
@pytest.mark.parametrize("quantization", QUANTIZATIONS[1:])
def test_tensor_types_are_those_that_llama_quantize_chooses(
    shape: str, quantization: str, tmp_path: Path
) -> None:
    tool = program("llama-quantize")
    # The header alone, with nothing behind it but a hole: a dry run reads no weights.
    source = _with_hole(synthesize_header(shape, "F16", tmp_path / "f16.gguf"))
    said = subprocess.run(
        [tool, "--dry-run", source, quantization],
        capture_output=True, text=True, env=library_environment(tool), check=False,
    )  # fmt: skip
    lines = re.findall(r"\] (\S+) .*-> .*\((\w+)\)", said.stdout + said.stderr)
    chosen = {name: kind.upper() for name, kind in lines}
    assert chosen, said.stderr[-500:]
    ours = read_header(synthesize_header(shape, quantization, tmp_path / "ours.gguf"))
    matrices = {t.name: type_name(t.type_id) for t in ours.tensors if len(t.shape) > 1}
    assert matrices == chosen


def synthesize_header(shape: str, quantization: str, path: Path) -> Path:
    """Write all of a synthetic model but its weights."""
    from gguf import GGUFWriter

    from llamawatt.models.make.synth import _tensors, _write_header

    # Which type a matrix gets does not hang on the vocabulary's size; writing one takes long.
    dimensions = dataclasses.replace(SHAPES[shape], n_vocab=512)
    writer = GGUFWriter(path, dimensions.architecture)
    _write_header(
        writer, shape, dimensions, quantization, tuple(_tensors(dimensions, quantization))
    )
    writer.close()
    return path


def _with_hole(path: Path) -> Path:
    with path.open("rb") as file:
        head = file.read()
    path.write_bytes(head + bytes(64))
    header = read_header(path)
    needed = max(t.offset_bytes + tensor_bytes(t) for t in header.tensors)
    with path.open("r+b") as file:
        file.truncate(header.data_start_bytes + needed)
    return path
