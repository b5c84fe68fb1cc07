"""Weights read per token, against sums worked out by hand."""

from pathlib import Path

import pytest

from llamawatt.models.gguf.inspect import inspect_model
from tests.models.ggufs import write_model

ROW = 68  # of 64 weights at Q8_0
MATRIX = ((64, 64), "Q8_0")
SIZE = 64 * ROW
PARTS = ("gate", "up", "down")
TABLE = ((32, 64), "Q8_0")
BASE = {"token_embd.weight": TABLE, "output.weight": TABLE}
PLAIN = ROW + 32 * ROW + SIZE


def streamed(tmp_path: Path, tensors: dict, facts: dict | None = None, arch: str = "llama"):
    said = {f"{arch}.{key}": value for key, value in (facts or {}).items()}
    return inspect_model(write_model(tmp_path / "m.gguf", tensors, said, None, arch))


@pytest.mark.parametrize(
    ("beside", "extra"),
    [
        # Vision and sound: in one file with the model, as Ollama keeps them.
        ({"v.blk.0.attn_q.weight": MATRIX, "v.patch_embd.weight": MATRIX}, 0),
        ({"mm.0.weight": MATRIX, "mm.input_projection.weight": MATRIX}, 0),
        ({"a.blk.3.ffn_up.weight": MATRIX, "a.conv1d.1.weight": MATRIX}, 0),
        ({"v.class_embd": ((1, 64), "Q8_0"), "model.image_newline": ((1, 64), "Q8_0")}, 0),
        ({"s.encoder.0.weight": MATRIX, "resampler.proj.weight": MATRIX}, 0),
        # Tables of which one row is looked up.
        ({"position_embd.weight": ((128, 64), "Q8_0")}, ROW),
        ({"per_layer_token_embd.weight": ((32, 64), "Q8_0")}, ROW),
        ({"token_types.weight": ((2, 64), "Q8_0")}, ROW),
        # What is read whole.
        ({"per_layer_model_proj.weight": MATRIX}, SIZE),
        ({"output_norm.weight": ((64,), "F32")}, 256),
        ({"rope_freqs.weight": ((32,), "F32")}, 128),
    ],
)
def test_what_stands_beside_the_blocks(tmp_path: Path, beside: dict, extra: int) -> None:
    tensors = {**BASE, "blk.0.attn_q.weight": MATRIX, **beside}
    assert streamed(tmp_path, tensors, {"block_count": 1}).bytes_per_token == PLAIN + extra


@pytest.mark.parametrize(("n_layers", "ahead"), [(2, 1), (3, 2), (4, 1)])
def test_layers_that_predict_ahead_are_not_read(tmp_path: Path, n_layers: int, ahead: int) -> None:
    blocks = {f"blk.{n}.attn_q.weight": MATRIX for n in range(n_layers)}
    blocks[f"blk.{n_layers - 1}.nextn.shared_head_head.weight"] = MATRIX
    facts = {"block_count": n_layers, "nextn_predict_layers": ahead}
    found = streamed(tmp_path, BASE | blocks, facts, "glm4moe")
    assert found.bytes_per_token == ROW + 32 * ROW + (n_layers - ahead) * SIZE


@pytest.mark.parametrize(
    "experts",
    [
        {f"blk.0.ffn_{part}.{n}.weight": MATRIX for part in PARTS for n in range(8)},
        {f"blk.0.ffn_{part}_exps.weight": ((8, 64, 64), "Q8_0") for part in PARTS},
        {"blk.0.ffn_gate_up_exps.weight": ((8, 128, 64), "Q8_0"),
         "blk.0.ffn_down_exps.weight": ((8, 64, 64), "Q8_0")},
    ],
    ids=["one tensor each", "one for all", "gate and up in one"],
)  # fmt: skip
def test_of_eight_experts_two_are_read(tmp_path: Path, experts: dict) -> None:
    tensors = {**BASE, "blk.0.ffn_gate_inp.weight": ((8, 64), "Q8_0"), **experts}
    facts = {"block_count": 1, "expert_count": 8, "expert_used_count": 2}
    found = streamed(tmp_path, tensors, facts)
    assert found.bytes_per_token == ROW + 32 * ROW + 8 * ROW + 2 * 3 * SIZE


def test_shared_experts_are_always_read(tmp_path: Path) -> None:
    tensors = {**BASE, "blk.0.ffn_up_exps.weight": ((8, 64, 64), "Q8_0")}
    tensors["blk.0.ffn_up_shexp.weight"] = MATRIX
    facts = {"block_count": 1, "expert_count": 8, "expert_used_count": 1}
    assert streamed(tmp_path, tensors, facts).bytes_per_token == ROW + 32 * ROW + 2 * SIZE


def test_of_an_encoder_and_a_decoder_the_decoder_is_read(tmp_path: Path) -> None:
    tensors = {**BASE, "enc.blk.0.attn_q.weight": MATRIX, "dec.blk.0.attn_q.weight": MATRIX}
    assert streamed(tmp_path, tensors, {"block_count": 1}, "t5").bytes_per_token == PLAIN


BLOCK = {"token_embd.weight": TABLE, "blk.0.attn_q.weight": MATRIX}
CASES = {
    "bert": ("bert", BLOCK, {"bert.attention.causal": False}, "both directions"),
    "nomic": ("nomic-bert", BLOCK, {}, "both directions"),
    "modern": ("modern-bert", BLOCK, {}, "both directions"),
    "gemma embedding": ("gemma-embedding", BLOCK, {}, "both directions"),
    "t5 encoder": ("t5encoder", BLOCK, {}, "both directions"),
    "llama that is not causal": ("llama", BLOCK, {"llama.attention.causal": False}, "both"),
    "reranker": ("qwen3", BLOCK | {"cls.output.weight": MATRIX}, {}, "ranks"),
    "lora": ("llama", {"blk.0.attn_q.weight.lora_a": MATRIX}, {"general.type": "adapter"}, "LoRA"),
    "lora by its key": ("llama", BLOCK, {"adapter.type": "lora"}, "LoRA"),
    "lora by its tensors": ("llama", {"blk.0.attn_q.weight.lora_b": MATRIX}, {}, "LoRA"),
    "mmproj": ("clip", {"v.blk.0.attn_q.weight": MATRIX}, {"general.type": "mmproj"}, "projector"),
    "mmproj of old": ("clip", {"v.blk.0.attn_q.weight": MATRIX}, {}, "projector"),
    "imatrix": ("llama", {"blk.0.attn_q.weight.counts": MATRIX}, {"general.type": "imatrix"},
                "importance matrix"),
    "control": ("controlvector", {"direction.1": MATRIX}, {}, "control vector"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_does_not_generate_has_no_figure(tmp_path: Path, name: str) -> None:
    architecture, tensors, facts, why = CASES[name]
    heads = {"block_count": 1, "embedding_length": 64, "attention.head_count": 4}
    said = {f"{architecture}.{key}": value for key, value in heads.items()} | facts
    found = inspect_model(write_model(tmp_path / "m.gguf", tensors, said, None, architecture))
    assert why in found.not_generating
    assert found.bytes_per_token is None
    assert found.cache is None
    assert found.n_params > 0


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen2"])
def test_a_vocabulary_alone_does_not_generate(tmp_path: Path, architecture: str) -> None:
    path = write_model(tmp_path / "vocab.gguf", {}, {}, None, architecture, n_vocab=32)
    found = inspect_model(path)
    assert found.not_generating == "it holds a vocabulary alone"
    assert (found.n_vocab, found.n_params, found.bits_per_weight) == (32, 0, None)


def test_a_table_without_rows_is_no_crash(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.gguf", BASE | {"blk.0.attn_q.weight": MATRIX})
    raw = path.read_bytes()
    at = raw.index(b"token_embd.weight") + len("token_embd.weight") + 4 + 8
    path.write_bytes(raw[:at] + bytes(8) + raw[at + 8 :])
    assert inspect_model(path).bytes_per_token == 32 * ROW + SIZE
