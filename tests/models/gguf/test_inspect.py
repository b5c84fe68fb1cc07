from pathlib import Path

import pytest

from llamawatt.core.errors import ModelError
from llamawatt.models.file import ModelFile, sha256_of
from llamawatt.models.gguf.header import read_header
from llamawatt.models.gguf.inspect import inspect_model, to_record
from llamawatt.models.gguf.kv_cache import kv_cache
from llamawatt.models.gguf.labels import base_type, label_in
from tests.models.ggufs import write_model

HEADS = {
    "llama.block_count": 2,
    "llama.embedding_length": 64,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "llama.context_length": 128,
}
EMBEDDING = ((32, 64), "Q8_0")
Q8_ROW, Q4_ROW = 68, 36


def test_streamed_bytes_leave_the_embedding_but_for_one_row(tmp_path: Path) -> None:
    tensors = {
        "token_embd.weight": EMBEDDING,
        "blk.0.attn_q.weight": ((64, 64), "Q4_0"),
        "output.weight": ((32, 64), "Q8_0"),
    }
    facts = inspect_model(write_model(tmp_path / "m.gguf", tensors, HEADS))
    assert facts.bytes_per_token == 64 * Q4_ROW + 32 * Q8_ROW + Q8_ROW
    assert facts.tensor_bytes == 64 * Q4_ROW + 2 * 32 * Q8_ROW
    assert facts.n_params == 64 * 64 + 2 * 32 * 64
    assert facts.bits_per_weight == pytest.approx(8 * facts.tensor_bytes / facts.n_params)
    assert (facts.n_layers, facts.n_ctx_train, facts.n_vocab) == (2, 128, None)


def test_a_tied_embedding_is_streamed_whole(tmp_path: Path) -> None:
    tensors = {"token_embd.weight": EMBEDDING, "blk.0.attn_q.weight": ((64, 64), "Q4_0")}
    facts = inspect_model(write_model(tmp_path / "m.gguf", tensors, HEADS, n_vocab=32))
    assert facts.bytes_per_token == facts.tensor_bytes
    assert facts.n_vocab == 32


def test_only_active_experts_are_streamed(tmp_path: Path) -> None:
    tensors = {
        "blk.0.attn_q.weight": ((64, 64), "Q8_0"),
        "blk.0.ffn_up_exps.weight": ((8, 64, 64), "Q8_0"),
        "output.weight": ((32, 64), "Q8_0"),
    }
    numbers = HEADS | {"llama.expert_count": 8, "llama.expert_used_count": 2}
    facts = inspect_model(write_model(tmp_path / "m.gguf", tensors, numbers))
    assert facts.bytes_per_token == (64 + 2 * 64 + 32) * Q8_ROW


def test_cache_bytes_count_key_value_heads(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.gguf", {"output.weight": EMBEDDING}, HEADS)
    sizes = inspect_model(path).kv_bytes_per_token
    elements = 2 * 2 * (16 + 16)
    assert sizes["f16"] == elements * 2
    assert sizes["q8_0"] == elements * 34 / 32
    assert sizes["q4_0"] == elements * 18 / 32


def test_cache_bytes_of_layers_that_differ(tmp_path: Path) -> None:
    numbers = {k: v for k, v in HEADS.items() if k != "llama.attention.head_count_kv"}
    lists = {"llama.attention.head_count_kv": [1, 3]}
    path = write_model(tmp_path / "m.gguf", {"output.weight": EMBEDDING}, numbers, lists)
    assert inspect_model(path).kv_bytes_per_token["f16"] == (1 + 3) * 32 * 2


def test_no_cache_figure_for_another_kind_of_memory(tmp_path: Path) -> None:
    numbers = HEADS | {"llama.ssm.state_size": 16}
    header = read_header(write_model(tmp_path / "m.gguf", {"output.weight": EMBEDDING}, numbers))
    assert kv_cache(header, "llama") is None


def test_a_label_that_lies_is_told(tmp_path: Path) -> None:
    tensors = {
        "token_embd.weight": EMBEDDING,
        "blk.0.attn_q.weight": ((64, 64), "Q4_0"),
        "output.weight": ((32, 64), "Q8_0"),
    }
    lying = inspect_model(write_model(tmp_path / "small.Q2_K.gguf", tensors, HEADS))
    assert len(lying.warnings) == 1
    assert "says Q2_K, but no tensor is Q2_K" in lying.warnings[0]
    honest = inspect_model(write_model(tmp_path / "small.Q4_0.gguf", tensors, HEADS))
    assert honest.warnings == ()


def test_a_label_that_tells_less_than_half_is_told(tmp_path: Path) -> None:
    tensors = {
        "blk.0.attn_v.weight": ((64, 256), "Q3_K"),
        "blk.0.attn_q.weight": ((256, 256), "Q8_0"),
    }
    (warning,) = inspect_model(write_model(tmp_path / "a-Q3_K_M.gguf", tensors, HEADS)).warnings
    assert "only 20% of the weights are Q3_K" in warning


def test_the_header_s_own_label_is_held_to_account_too(tmp_path: Path) -> None:
    numbers = HEADS | {"general.file_type": 10}
    tensors = {"blk.0.attn_q.weight": ((64, 64), "Q4_0")}
    (warning,) = inspect_model(write_model(tmp_path / "plain.gguf", tensors, numbers)).warnings
    assert warning.startswith("The header says Q2_K")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("tinyllama-1.1b-chat-v1.0.Q4_K_M", "Q4_K_M"),
        ("SmolLM2-135M-Instruct.Q4_1", "Q4_1"),
        ("model-IQ2_XXS", "IQ2_XXS"),
        ("m-tq1_0", "TQ1_0"),
        ("m.bf16", "BF16"),
        ("gpt-oss-20b-mxfp4", "MXFP4"),
        ("gpt-oss-120b-MXFP4_MOE", "MXFP4_MOE"),
        ("nemotron-NVFP4", "NVFP4"),
        ("deepseek-IQ4_KS", "IQ4_KS"),
        ("Q8Bot-3B", None),
        ("plain", None),
    ],
)
def test_labels_in_file_names(name: str, label: str | None) -> None:
    assert label_in(name) == label


@pytest.mark.parametrize(
    ("label", "base"),
    [
        ("Q3_K_M", "Q3_K"),
        ("Q2_K_S", "Q2_K"),
        ("Q4_0", "Q4_0"),
        ("IQ2_M", "IQ2_S"),
        ("F16", "F16"),
        ("MXFP4_MOE", "MXFP4"),
        ("NVFP4", "NVFP4"),
    ],
)
def test_the_type_a_label_is_named_after(label: str, base: str) -> None:
    assert base_type(label) == base


def test_odd_rows_are_named(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.gguf", {"blk.0.attn_q.weight": ((64, 64), "Q8_0")}, HEADS)
    raw = path.read_bytes()
    at = raw.index(b"blk.0.attn_q.weight") + len("blk.0.attn_q.weight") + 4
    path.write_bytes(raw[:at] + b"\x07" + raw[at + 1 :])
    with pytest.raises(ModelError, match="no multiple of 32"):
        inspect_model(path)


def test_a_record_has_the_hash_and_the_facts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMAWATT_CACHE", str(tmp_path / "cache"))
    path = write_model(tmp_path / "m.gguf", {"output.weight": EMBEDDING}, HEADS)
    record = to_record(ModelFile(path, "m", "here"), inspect_model(path))
    assert record.sha256 == sha256_of(path)
    assert (record.name, record.file, record.source) == ("m", "m.gguf", "here")
    assert record.size_bytes == path.stat().st_size
    assert (record.quantization, record.synthetic) == ("Q8_0", False)
    with path.open("ab") as file:
        file.write(bytes(64))
    assert (
        to_record(ModelFile(path, "m", "here"), inspect_model(path)).sha256
        == sha256_of(path)
        != record.sha256
    )
