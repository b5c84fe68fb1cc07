"""Cache bytes as a function of the context, against figures worked out by hand."""

from pathlib import Path

import pytest

from llamawatt.core.cache_types import cache_size_bytes
from llamawatt.core.plan import ArmRecord
from llamawatt.models.file import ModelFile
from llamawatt.models.gguf.header import read_header
from llamawatt.models.gguf.inspect import inspect_model, to_record
from llamawatt.models.gguf.kv_cache import KvCache, kv_cache
from tests.models.ggufs import write_model

TENSORS = {"output.weight": ((32, 64), "Q8_0")}


def cache_of(tmp_path: Path, architecture: str, facts: dict, lists: dict | None = None) -> KvCache:
    path = write_model(
        tmp_path / "m.gguf",
        TENSORS,
        {f"{architecture}.{key}": value for key, value in facts.items()},
        {f"{architecture}.{key}": values for key, values in (lists or {}).items()},
        architecture,
    )
    found = kv_cache(read_header(path), architecture)
    assert found is not None
    return found


def model(n_layers: int, n_heads: int, n_kv: int, head: int, **more: int) -> dict[str, int]:
    return {
        "block_count": n_layers,
        "embedding_length": 2048,
        "attention.head_count": n_heads,
        "attention.head_count_kv": n_kv,
        "attention.key_length": head,
        "attention.value_length": head,
        **{key.replace("__", "."): value for key, value in more.items()},
    }


def both(cache: KvCache) -> tuple[float, float]:
    """Return bytes per token at f16, within the window and beyond it."""
    return cache.bytes_per_token("f16"), cache.bytes_per_token("f16", cache.n_window or 10**6)


GEMMA_4 = model(48, 16, 8, 512, attention__key_length_swa=256, attention__value_length_swa=256)
GEMMA_4 |= {"attention.sliding_window": 1024}
PATTERN = [layer % 6 != 5 for layer in range(48)]


def test_gemma_4_of_12_billion_keeps_each_layer_at_its_own_width(tmp_path: Path) -> None:
    facts = {key: value for key, value in GEMMA_4.items() if key != "attention.head_count_kv"}
    lists = {
        "attention.head_count_kv": [8 if windowed else 1 for windowed in PATTERN],
        "attention.sliding_window_pattern": PATTERN,
    }
    cache = cache_of(tmp_path, "gemma4", facts, lists)
    assert both(cache) == (344_064, 16_384)
    assert cache.n_window == 1024
    assert cache.size_bytes("f16", 3000) == 344_064 * 1024 + 16_384 * (3000 - 1024)


def test_shared_layers_keep_nothing(tmp_path: Path) -> None:
    facts = model(35, 8, 1, 512, attention__sliding_window=512, attention__shared_kv_layers=20)
    facts |= {"attention.key_length_swa": 256, "attention.value_length_swa": 256}
    pattern = {"attention.sliding_window_pattern": [layer % 5 != 4 for layer in range(35)]}
    cache = cache_of(tmp_path, "gemma4", facts, pattern)
    assert both(cache) == (12 * 512 * 2 + 3 * 1024 * 2, 3 * 1024 * 2)


@pytest.mark.parametrize(
    ("architecture", "facts", "within", "beyond", "n_window"),
    [
        # Gemma 2 9B: every second layer, 4096 tokens whether it says so or not.
        ("gemma2", model(42, 16, 8, 256), 42 * 8 * 512 * 2, 21 * 8 * 512 * 2, 4096),
        # Gemma 3 12B: five of six layers.
        ("gemma3", model(48, 16, 8, 256, attention__sliding_window=1024),
         48 * 8 * 512 * 2, 8 * 8 * 512 * 2, 1024),
        # Gemma 3 of 1B: 26 layers, so the last one is a windowed one.
        ("gemma3", model(26, 4, 1, 256, attention__sliding_window=512),
         26 * 512 * 2, 4 * 512 * 2, 512),
        # Gemma 3n E2B: 30 layers, the last ten share; four of five windowed.
        ("gemma3n", model(30, 8, 2, 256, attention__sliding_window=512),
         20 * 2 * 512 * 2, 4 * 2 * 512 * 2, 512),
        # gpt-oss 20B: every second layer, 128 tokens.
        ("gpt-oss", model(24, 64, 8, 64, attention__sliding_window=128),
         24 * 8 * 128 * 2, 12 * 8 * 128 * 2, 128),
        # A period that the file states beats the architecture's own.
        ("gemma3", model(12, 4, 1, 256, attention__sliding_window=512,
                         attention__sliding_window_pattern=3), 12 * 512 * 2, 4 * 512 * 2, 512),
        # SmallThinker sees the whole context first.
        ("smallthinker", model(5, 4, 1, 64, attention__sliding_window=4096),
         5 * 128 * 2, 2 * 128 * 2, 4096),
    ],
)  # fmt: skip
def test_windows_of_known_architectures(
    tmp_path: Path, architecture: str, facts: dict, within: int, beyond: int, n_window: int
) -> None:
    cache = cache_of(tmp_path, architecture, facts)
    assert (*both(cache), cache.n_window) == (within, beyond, n_window)


@pytest.mark.parametrize("architecture", ["llama", "phi3", "qwen2", "starcoder2"])
def test_a_window_that_llama_cpp_does_not_use_saves_nothing(
    tmp_path: Path, architecture: str
) -> None:
    facts = model(4, 8, 2, 64, attention__sliding_window=2048)
    cache = cache_of(tmp_path, architecture, facts)
    assert (*both(cache), cache.n_window) == (4 * 2 * 128 * 2, 4 * 2 * 128 * 2, None)


@pytest.mark.parametrize(("n_layers", "ahead"), [(47, 1), (62, 1), (4, 3)])
def test_layers_that_predict_ahead_keep_nothing(tmp_path: Path, n_layers: int, ahead: int) -> None:
    facts = model(n_layers, 96, 8, 128, nextn_predict_layers=ahead)
    cache = cache_of(tmp_path, "glm4moe", facts)
    assert cache.bytes_per_token("f16") == (n_layers - ahead) * 8 * 256 * 2


def test_the_record_knows_the_function_of_the_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMAWATT_CACHE", str(tmp_path / "cache"))
    facts = model(12, 4, 1, 256, attention__sliding_window=512)
    cache = cache_of(tmp_path, "gemma3", facts)
    path = tmp_path / "m.gguf"
    record = to_record(ModelFile(path, "m", "here"), inspect_model(path))
    for types, key in (({}, "f16"), ({"cache_type_k": "q8_0", "cache_type_v": "q8_0"}, "q8_0")):
        arm = ArmRecord("a", "cache", "cpu", "m", {}, types)
        for n_context in (0, 100, 512, 5000):
            assert cache_size_bytes(record, arm, n_context) == cache.size_bytes(key, n_context)


@pytest.mark.parametrize("n_layers", [0, 2**31, 2**32 - 1])
def test_a_hostile_number_of_layers_costs_nothing(tmp_path: Path, n_layers: int) -> None:
    facts = {f"llama.{key}": value for key, value in model(n_layers, 8, 2, 64).items()}
    path = write_model(tmp_path / "m.gguf", TENSORS, facts)
    assert inspect_model(path).cache is None
