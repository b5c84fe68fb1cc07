from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from llamawatt.core.errors import ModelError
from llamawatt.models.make.mix import QUANTIZATIONS
from llamawatt.models.make.shapes import SHAPES, ModelShape
from llamawatt.models.make.synth import synthesize
from llamawatt.quality import libllama
from llamawatt.quality.libllama import Library, bundled_library, library_at
from llamawatt.quality.loaded import LoadedModel, Setting

TEXT = "When the rain had stopped, the children counted the puddles in the yard. " * 4
N_CTX = 64
TINY = ModelShape("llama", 2, 256, 512, 4, 2, 2048, 256, 10000.0)
ODD = ModelShape("qwen2", 2, 96, 160, 3, 1, 600, 256, 10000.0, tied=True, biased=True)
"""Rows that no K-quant fits, as in Qwen2.5-0.5B."""


@pytest.fixture(scope="module")
def library() -> Library:
    return Library(bundled_library())


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SHAPES, "tiny", TINY)
        yield synthesize("tiny", "Q8_0", tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@pytest.fixture
def model(library: Library, path: Path) -> Iterator[LoadedModel]:
    loaded = LoadedModel(library, path, N_CTX, 1, Setting())
    yield loaded
    loaded.close()
    loaded.close()


@pytest.mark.serial
def test_logits_of_every_token_and_only_of_what_came_before(model: LoadedModel) -> None:
    tokens = model.tokenize(TEXT)[:N_CTX]
    rows = model.logits(tokens, N_CTX // 2)
    assert rows.shape == (N_CTX // 2, TINY.n_vocab)
    other_end = [*tokens[:-1], (tokens[-1] + 1) % 200 + 3]
    again = model.logits(other_end, N_CTX // 2)
    np.testing.assert_allclose(again[:-1], rows[:-1], atol=1e-4)
    assert not np.allclose(again[-1], rows[-1], atol=1e-4)


@pytest.mark.serial
def test_the_beginning_is_marked_where_the_model_wants_it(model: LoadedModel) -> None:
    tokens = model.tokenize(TEXT)[:N_CTX]
    assert tokens[0] == 1
    rows = model.logits(tokens, 0)
    same = model.logits([tokens[5], *tokens[1:]], 0)
    np.testing.assert_array_equal(rows, same)


@pytest.mark.serial
def test_tokens_stand_for_all_bytes_of_the_text(model: LoadedModel) -> None:
    text = "Grüße: 3 × 4 = 12\n"
    n_bytes = sum(model.n_bytes(token) for token in model.tokenize(text))
    # SentencePiece puts a space in front of a text.
    assert n_bytes == len(text.encode()) + 1


@pytest.mark.serial
def test_a_quantised_cache_changes_little_but_something(
    library: Library, path: Path, model: LoadedModel
) -> None:
    tokens = model.tokenize(TEXT)[:N_CTX]
    exact = model.logits(tokens, N_CTX // 2)
    coarse = LoadedModel(library, path, N_CTX, 1, Setting("q4_0", "q4_0", "on"))
    rows = coarse.logits(tokens, N_CTX // 2)
    coarse.close()
    difference = np.abs(rows - exact).max()
    assert 0 < difference < exact.std()


@pytest.mark.serial
def test_settings_that_do_not_exist_are_named(library: Library, path: Path) -> None:
    with pytest.raises(ModelError, match="no cache type 'q9'"):
        LoadedModel(library, path, N_CTX, 1, Setting("q9"))
    with pytest.raises(ModelError, match="flash_attn is 'maybe'"):
        LoadedModel(library, path, N_CTX, 1, Setting(flash_attn="maybe"))


@pytest.mark.serial
@pytest.mark.parametrize("dimensions", [TINY, ODD], ids=["tiny", "odd"])
@pytest.mark.parametrize("quantization", QUANTIZATIONS)
def test_every_synthetic_model_computes(
    library: Library,
    quantization: str,
    dimensions: ModelShape,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(SHAPES, "some", dimensions)
    made = synthesize("some", quantization, tmp_path / "some.gguf")
    model = LoadedModel(library, made, N_CTX, 1, Setting())
    rows = model.logits(model.tokenize(TEXT)[:N_CTX], 0)
    model.close()
    assert np.isfinite(rows).all()
    assert 0.01 < rows.std() < 100


@pytest.mark.serial
def test_a_broken_model_is_refused_in_a_sentence(library: Library, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ModelError, match="was not loaded"):
        LoadedModel(library, broken, N_CTX, 1, Setting())


@pytest.mark.serial
@pytest.mark.parametrize(
    ("constant", "value", "setting"),
    [
        ("CONTEXT_START", (7, 7, 7, 7), Setting()),
        ("ENUMS_BEFORE_FLOATS", (9, 9, 9), Setting(flash_attn="on")),
        ("CACHE_TYPES_DEFAULT", (77, 77), Setting("q8_0", "q8_0", "on")),
    ],
)
def test_a_layout_that_is_not_understood_is_never_guessed(
    library: Library,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    constant: str,
    value: tuple[int, ...],
    setting: Setting,
) -> None:
    monkeypatch.setattr(libllama, constant, value)
    with pytest.raises(ModelError, match="not understood"):
        LoadedModel(library, path, N_CTX, 1, setting)


def test_what_is_no_libllama_says_so(tmp_path: Path) -> None:
    text = tmp_path / "libllama.so"
    text.write_text("no library")
    with pytest.raises(ModelError, match="cannot be used"):
        Library(text)
    with pytest.raises(ModelError, match="cannot be used"):
        Library(Path(np._core._multiarray_umath.__file__))


def test_the_library_is_found_from_what_users_know(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "lib").mkdir()
    server = tmp_path / "bin" / "llama-server"
    server.touch()
    library = tmp_path / "lib" / "libllama.so"
    library.touch()
    assert library_at(library) == library_at(tmp_path / "bin") == library_at(server) == library
    with pytest.raises(ModelError, match="no libllama"):
        library_at(tmp_path / "elsewhere" / "llama-server")
