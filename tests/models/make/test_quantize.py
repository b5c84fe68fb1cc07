import os
import signal
import stat
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from llamawatt.core.errors import ModelError
from llamawatt.models.file import sha256_of
from llamawatt.models.make import quantizer
from llamawatt.models.make.quantizations import (
    NEED_IMATRIX,
    QUANTIZATIONS,
    file_type_number,
    known_name,
    likely_size_bytes,
)
from llamawatt.models.make.quantize import Choices, quantize
from llamawatt.models.make.quantizer import Quantizer, find_quantizer
from llamawatt.models.make.shapes import SHAPES, ModelShape
from llamawatt.models.make.synth import synthesize
from tests.models.llamacpp import program

TINY = ModelShape("llama", 2, 256, 512, 4, 2, 1024, 256, 10000.0)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SHAPES, "tiny", TINY)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return synthesize("tiny", "F16", tmp_path / "tiny-F16.gguf")


def fake(tmp_path: Path, body: str) -> Quantizer:
    """Return a stand-in for llama-quantize whose behaviour the test chooses."""
    path = tmp_path / "bin" / "llama-quantize"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!{sys.executable}\nimport os, shutil, sys\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return Quantizer("llama-quantize", program=path)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


@pytest.mark.serial
@pytest.mark.parametrize("name", ["Q8_0", "Q4_K_M", "Q3_K_M", "Q2_K", "Q4_0"])
def test_llama_quantize_makes_what_was_asked_for(name: str, source: Path, tmp_path: Path) -> None:
    by = find_quantizer(program("llama-quantize"))
    heard: list[tuple[str, int, int | None]] = []
    target = tmp_path / f"tiny-{name}.gguf"
    made = quantize(source, target, name, by, progress=lambda *step: heard.append(step))
    assert made.facts.warnings == ()
    assert made.facts.bits_per_weight < made.source_facts.bits_per_weight
    assert made.facts.n_params == made.source_facts.n_params
    assert made.facts.synthetic
    assert not made.requantized
    assert made.size_bytes == target.stat().st_size
    assert heard[-1][1] == heard[-1][2] == 21
    assert files(tmp_path) == sorted([source.name, target.name])


@pytest.mark.serial
@pytest.mark.parametrize("module", quantizer.PACKAGES)
def test_packages_make_the_same_bytes_as_the_program(
    module: str, source: Path, tmp_path: Path
) -> None:
    pytest.importorskip(module)
    ours = tmp_path / "ours.gguf"
    quantize(source, ours, "Q4_K_M", Quantizer(module, module=module), Choices(n_threads=1))
    theirs = tmp_path / "theirs.gguf"
    by = find_quantizer(program("llama-quantize"))
    quantize(source, theirs, "Q4_K_M", by, Choices(n_threads=1))
    assert sha256_of(ours) == sha256_of(theirs)


@pytest.mark.serial
def test_an_importance_matrix_makes_two_bits(source: Path, tmp_path: Path) -> None:
    import numpy as np
    from gguf import GGUFWriter

    from llamawatt.models.gguf.header import read_header

    matrix = tmp_path / "imatrix.gguf"
    writer = GGUFWriter(matrix, "imatrix")
    writer.add_type("imatrix")
    writer.add_array("imatrix.datasets", ["made up"])
    writer.add_uint32("imatrix.chunk_count", 1)
    writer.add_uint32("imatrix.chunk_size", 512)
    for tensor in read_header(source).tensors:
        if len(tensor.shape) > 1:
            sums = np.ones((1, tensor.shape[0]), np.float32)
            writer.add_tensor(f"{tensor.name}.in_sum2", sums)
            writer.add_tensor(f"{tensor.name}.counts", np.ones((1, 1), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    by = find_quantizer(program("llama-quantize"))
    target = tmp_path / "tiny-IQ2_XXS.gguf"
    made = quantize(source, target, "IQ2_XXS", by, Choices(imatrix=matrix))
    assert "IQ2_XXS" in made.facts.types
    assert made.facts.warnings == ()


def test_progress_is_heard_and_the_file_lands_whole(source: Path, tmp_path: Path) -> None:
    by = fake(
        tmp_path,
        "print('[   1/   2] a'); print('[   2/   2] b', file=sys.stderr)\n"
        "shutil.copy(sys.argv[1], sys.argv[2])",
    )
    heard: list[tuple[str, int, int | None]] = []
    target = tmp_path / "sub" / "out.gguf"
    quantize(source, target, "q8_0", by, progress=lambda *step: heard.append(step))
    assert sorted(heard) == [("quantising to Q8_0", 1, 2), ("quantising to Q8_0", 2, 2)]
    assert files(target.parent) == ["out.gguf"]


def test_a_label_that_the_result_does_not_bear_out_is_told(source: Path, tmp_path: Path) -> None:
    by = fake(tmp_path, "shutil.copy(sys.argv[1], sys.argv[2])")
    made = quantize(source, tmp_path / "tiny-Q2_K.gguf", "Q2_K", by)
    assert any("no tensor is Q2_K" in warning for warning in made.facts.warnings)


FAILURES = {
    "failed with code 3": "print('error: out of spells'); sys.exit(3)",
    "out of spells": "print('error: out of spells'); sys.exit(3)",
    f"killed by signal {int(signal.SIGABRT)}": "os.abort()",
    "failed with code 0": "pass",
    "cut short|ends in the middle|no sound GGUF": (
        "open(sys.argv[2], 'wb').write(open(sys.argv[1], 'rb').read()[:900])"
    ),
}


@pytest.mark.parametrize("message", FAILURES)
def test_a_failure_leaves_no_file(message: str, source: Path, tmp_path: Path) -> None:
    by = fake(tmp_path, FAILURES[message])
    with pytest.raises(ModelError, match=message):
        quantize(source, tmp_path / "out.gguf", "Q4_0", by)
    assert files(tmp_path) == [source.name]


def test_an_interrupt_ends_the_child_and_leaves_no_file(source: Path, tmp_path: Path) -> None:
    by = fake(
        tmp_path,
        "open(sys.argv[2], 'wb').write(b'half'); print(f'[ {os.getpid()}/ 9 ]', flush=True)\n"
        "import time; time.sleep(600)",
    )
    pids: list[int] = []

    def interrupt(_name: str, done: int, _total: int | None) -> None:
        pids.append(done)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quantize(source, tmp_path / "out.gguf", "Q4_0", by, progress=interrupt)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)
    assert files(tmp_path) == [source.name]


def test_the_source_is_never_the_target(source: Path, tmp_path: Path) -> None:
    by = fake(tmp_path, "raise SystemExit('must not run')")
    link, twin = tmp_path / "link.gguf", tmp_path / "twin.gguf"
    link.symlink_to(source)
    os.link(source, twin)
    before = sha256_of(source)
    for target in (source, tmp_path / "sub" / ".." / source.name, link, twin):
        with pytest.raises(ModelError, match="is the source itself"):
            quantize(source, target, "Q4_0", by, Choices(overwrite=True))
    assert sha256_of(source) == before


def test_what_makes_no_sense_is_refused_before_the_child_starts(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = fake(tmp_path, "raise SystemExit('must not run')")
    there = tmp_path / "there.gguf"
    there.write_text("mine")
    with pytest.raises(ModelError, match="is there already"):
        quantize(source, there, "Q4_0", by)
    assert there.read_text() == "mine"
    with pytest.raises(ModelError, match="needs an importance matrix"):
        quantize(source, tmp_path / "out.gguf", "IQ2_XXS", by)
    choices = Choices(imatrix=tmp_path / "none.gguf")
    with pytest.raises(ModelError, match="no importance matrix"):
        quantize(source, tmp_path / "out.gguf", "IQ2_XXS", by, choices)
    with pytest.raises(ModelError, match="Known are F16, BF16, Q8_0"):
        quantize(source, tmp_path / "out.gguf", "Q7_0", by)
    with pytest.raises(ModelError, match="is a folder"):
        quantize(source, tmp_path, "Q4_0", by)
    coarse = synthesize("tiny", "Q8_0", tmp_path / "coarse.gguf")
    with pytest.raises(ModelError, match="quantised already"):
        quantize(coarse, tmp_path / "out.gguf", "Q4_0", by)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(ModelError, match="GB are needed"):
        quantize(source, tmp_path / "out.gguf", "Q4_0", by)
    assert not (tmp_path / "out.gguf").exists()


def test_a_truncated_source_is_refused(source: Path, tmp_path: Path) -> None:
    by = fake(tmp_path, "raise SystemExit('must not run')")
    source.write_bytes(source.read_bytes()[:-4000])
    with pytest.raises(ModelError, match="cut short"):
        quantize(source, tmp_path / "out.gguf", "Q4_0", by)


def test_requantising_is_allowed_when_asked_and_said(tmp_path: Path) -> None:
    coarse = synthesize("tiny", "Q8_0", tmp_path / "coarse.gguf")
    by = fake(
        tmp_path,
        "assert sys.argv[1] == '--allow-requantize'\nshutil.copy(sys.argv[2], sys.argv[3])",
    )
    made = quantize(coarse, tmp_path / "out.gguf", "Q4_0", by, Choices(requantize=True))
    assert made.requantized


def test_what_quantises_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by = fake(tmp_path, "pass")
    assert by.program is not None
    assert find_quantizer(by.program) == by
    monkeypatch.setenv("PATH", str(by.program.parent))
    assert find_quantizer() == by
    with pytest.raises(ModelError, match="is no program"):
        find_quantizer(tmp_path / "elsewhere")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(
        quantizer.importlib.util, "find_spec", lambda name: object() if name == "cyllama" else None
    )
    assert find_quantizer() == Quantizer("cyllama", module="cyllama")
    monkeypatch.setattr(quantizer.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ModelError, match="Nothing here can quantise"):
        find_quantizer()


def test_a_package_takes_no_importance_matrix(source: Path, tmp_path: Path) -> None:
    by = Quantizer("cyllama", module="cyllama")
    with pytest.raises(ModelError, match="takes no importance matrix"):
        quantize(source, tmp_path / "out.gguf", "IQ2_XXS", by, Choices(imatrix=source))


def test_every_name_has_a_number_and_a_size() -> None:
    for name in QUANTIZATIONS:
        assert known_name(name.lower()) == name
        assert file_type_number(name) >= 1
        assert likely_size_bytes(name, 1_000_000) > 0
    assert set(QUANTIZATIONS) >= NEED_IMATRIX
    assert known_name("q4_k") == "Q4_K_M"
