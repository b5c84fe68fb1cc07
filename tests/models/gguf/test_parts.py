"""Models in several files: counted together, refused when a part is missing or named alone."""

from pathlib import Path

import pytest

from llamawatt.core.errors import ModelError
from llamawatt.models.file import ModelFile
from llamawatt.models.gguf.inspect import inspect_model, to_record
from tests.models.ggufs import write_model

MATRIX = ((64, 64), "Q8_0")
SIZE = 64 * 68
HEADS = {"llama.block_count": 3, "llama.embedding_length": 64, "llama.attention.head_count": 4}


def split(folder: Path, n_parts: int, *, empty_first: bool = False, stem: str = "m") -> list[Path]:
    """Write a model of one matrix a part, as llama-gguf-split does."""
    paths = []
    total = n_parts - empty_first
    for number in range(n_parts):
        tensors = {f"blk.{number}.attn_q.weight": MATRIX}
        if number == 0 and empty_first:
            tensors = {}
        facts = {"split.no": number, "split.count": n_parts, "split.tensors.count": total}
        path = folder / f"{stem}-{number + 1:05}-of-{n_parts:05}.gguf"
        n_vocab = 0 if number else 8
        write_model(path, tensors, (HEADS if number == 0 else {}) | facts, n_vocab=n_vocab)
        paths.append(path)
    return paths


@pytest.mark.parametrize(
    ("n_parts", "empty_first"), [(2, False), (3, False), (3, True), (11, True)]
)
def test_all_parts_are_counted(tmp_path: Path, n_parts: int, empty_first: bool) -> None:
    paths = split(tmp_path, n_parts, empty_first=empty_first)
    facts = inspect_model(paths[0])
    n_tensors = n_parts - empty_first
    assert facts.tensor_bytes == n_tensors * SIZE
    assert facts.n_params == n_tensors * 64 * 64
    assert facts.files == tuple(paths)
    assert facts.size_bytes == sum(path.stat().st_size for path in paths)
    assert facts.n_layers == 3
    assert facts.warnings == ()


def test_the_record_is_of_all_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMAWATT_CACHE", str(tmp_path / "cache"))
    paths = split(tmp_path, 2)
    file = ModelFile(paths[0], "m", "here", "0" * 64)
    before = to_record(file, inspect_model(paths[0]))
    assert before.size_bytes == sum(path.stat().st_size for path in paths)
    raw = bytearray(paths[1].read_bytes())
    raw[-1] ^= 1
    paths[1].write_bytes(bytes(raw))
    assert to_record(file, inspect_model(paths[0])).sha256 != before.sha256 != "0" * 64


@pytest.mark.parametrize("number", [1, 2])
def test_a_middle_part_is_refused_with_the_name_of_the_first(tmp_path: Path, number: int) -> None:
    paths = split(tmp_path, 3)
    with pytest.raises(ModelError, match=f"part {number + 1} of 3") as caught:
        inspect_model(paths[number])
    assert paths[0].name in caught.value.remedy


@pytest.mark.parametrize("gone", [(1,), (2,), (1, 2)])
def test_a_missing_part_is_named(tmp_path: Path, gone: tuple[int, ...]) -> None:
    paths = split(tmp_path, 3)
    for number in gone:
        paths[number].unlink()
    with pytest.raises(ModelError, match=f"{paths[gone[0]].name} is missing"):
        inspect_model(paths[0])


def test_a_part_under_another_name_is_refused(tmp_path: Path) -> None:
    paths = split(tmp_path, 2)
    renamed = paths[0].rename(tmp_path / "model.gguf")
    with pytest.raises(ModelError, match="part 1 of 2") as caught:
        inspect_model(renamed)
    assert "-00001-of-00002" in caught.value.remedy


def test_parts_of_unlike_models_are_refused(tmp_path: Path) -> None:
    paths = split(tmp_path, 3)
    (tmp_path / "other").mkdir()
    other = split(tmp_path / "other", 2)
    other[1].replace(paths[1])
    with pytest.raises(ModelError, match="does not hold part 2 of 3"):
        inspect_model(paths[0])
    write_model(paths[1], {}, {"split.no": 1, "split.count": 3})
    with pytest.raises(ModelError, match="hold 2 tensors; 3 are promised"):
        inspect_model(paths[0])


def test_a_part_cut_short_is_named(tmp_path: Path) -> None:
    paths = split(tmp_path, 2)
    paths[1].write_bytes(paths[1].read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"m-00002-of-00002\.gguf is cut short"):
        inspect_model(paths[0])
