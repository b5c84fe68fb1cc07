"""Types of forks, of the past and of the future: counted by offsets, named, and never a refusal."""

import struct
from pathlib import Path

import pytest

from llamawatt.core.errors import ModelError
from llamawatt.models.gguf.header import read_header
from llamawatt.models.gguf.inspect import inspect_model
from tests.models.ggufs import head, with_types, write_model

MATRIX = ((64, 64), "Q8_0")
SIZE = 64 * 68
NAMES = ("blk.0.attn_k.weight", "blk.0.attn_q.weight", "output.weight")


def model(tmp_path: Path, types: dict[str, int], architecture: str = "llama", name: str = "m"):
    tensors = dict.fromkeys(NAMES, MATRIX)
    path = write_model(tmp_path / f"{name}.gguf", tensors, {f"{architecture}.block_count": 1},
                       None, architecture)  # fmt: skip
    return with_types(path, types)


@pytest.mark.parametrize(
    ("type_id", "name", "says"),
    [
        (139, "IQ4_K", "only ik_llama.cpp runs"),
        (144, "IQ4_KS", "only ik_llama.cpp runs"),
        (133, "Q6_0", "only ik_llama.cpp runs"),
        (212, "Q4_K_R4", "only ik_llama.cpp runs"),
        (31, "Q4_0_4_4", "llama.cpp has removed"),
        (33, "Q4_0_8_8", "llama.cpp has removed"),
        (4, "Q4_2", "llama.cpp has removed"),
        (36, "IQ4_NL_4_4", "llama.cpp has removed"),
        (99_999, "type-99999", "not known here"),
        (250, "type-250", "not known here"),
    ],
)
@pytest.mark.parametrize("which", NAMES)
def test_a_foreign_type_is_counted_and_named(
    tmp_path: Path, type_id: int, name: str, says: str, which: str
) -> None:
    facts = inspect_model(model(tmp_path, {which: type_id}))
    assert facts.tensor_bytes == 3 * SIZE
    assert facts.bytes_per_token == 3 * SIZE
    assert facts.types == {"Q8_0": 2 * 64 * 64, name: 64 * 64}
    (warning,) = facts.warnings
    assert says in warning
    assert "--server" in warning


@pytest.mark.parametrize(
    ("type_id", "name"), [(36, "I2_S"), (37, "I8_S"), (38, "TL1"), (39, "TL2")]
)
@pytest.mark.parametrize("architecture", ["bitnet", "bitnet-b1.58", "bitnet-25"])
def test_types_of_bitnet_are_told_by_the_architecture(
    tmp_path: Path, type_id: int, name: str, architecture: str
) -> None:
    facts = inspect_model(model(tmp_path, {NAMES[0]: type_id}, architecture))
    assert name in facts.types
    assert "BitNet" in facts.warnings[0]


def test_types_of_bitnet_are_told_by_their_size(tmp_path: Path) -> None:
    tensors = {NAMES[0]: ((64, 16), "F32"), NAMES[1]: MATRIX}
    path = write_model(tmp_path / "m.gguf", tensors, {"llama.block_count": 1})
    raw = with_types(path, {NAMES[0]: 36}).read_bytes()
    # 16 384 weights in the room of 4 096 bytes: two bits each.
    at = raw.index(NAMES[0].encode()) + len(NAMES[0]) + 4
    path.write_bytes(raw[:at] + struct.pack("<QQ", 64, 256) + raw[at + 16 :])
    assert "I2_S" in inspect_model(path).types


def test_plain_mxfp4_is_llama_cpp_s_own(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.gguf", {NAMES[0]: ((64, 64), "MXFP4")})
    facts = inspect_model(path)
    assert facts.types == {"MXFP4": 64 * 64}
    assert facts.tensor_bytes == 64 * 2 * 17
    assert facts.warnings == ()


def test_several_foreign_tensors_are_one_sentence(tmp_path: Path) -> None:
    (warning,) = inspect_model(model(tmp_path, dict.fromkeys(NAMES, 144))).warnings
    assert warning.startswith("3 tensors are of type IQ4_KS (144)")


def test_a_foreign_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    path = model(tmp_path, {NAMES[0]: 144})
    path.write_bytes(path.read_bytes()[: -2 * SIZE - 100])
    with pytest.raises(ModelError, match="cut short"):
        inspect_model(path)


@pytest.mark.parametrize(
    ("content", "what", "remedy"),
    [
        (head(1, 1, version=1), "version 1, of August 2023", "newer file"),
        (b"GGUF" + struct.pack("<III", 1, 0, 0), "version 1", "convert its original"),
        (b"GGUF" + struct.pack(">IQQ", 3, 1, 1), "big-endian", "gguf-convert-endian FILE little"),
        (b"GGUF" + struct.pack(">IQQ", 2, 1, 1), "big-endian", "gguf-convert-endian"),
        (head(1, 1, version=4), "version 4, which is not known", "newer llamawatt"),
        (b"tjgg" + struct.pack("<I", 3), "GGML format of before", "newer file"),
        (b"lmgg" + bytes(4), "GGML format of before", "newer file"),
    ],
)
def test_other_formats_have_their_own_cure(
    tmp_path: Path, content: bytes, what: str, remedy: str
) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(content + bytes(256))
    with pytest.raises(ModelError, match=what) as caught:
        read_header(path)
    assert remedy in caught.value.remedy
    assert "etch it again" not in caught.value.remedy or "version 4" in what


@pytest.mark.parametrize(
    ("type_name", "file_type", "file_name"),
    [
        ("MXFP4", 38, "gpt-oss-MXFP4_MOE"),
        ("MXFP4", 38 | 1024, "gpt-oss-mxfp4"),
        ("NVFP4", 39, "nemotron-NVFP4"),
        ("NVFP4", 39 | 1024, "plain"),
        ("Q8_0", 7 | 1024, "m.Q8_0"),
        ("Q4_1", 4, "m"),
    ],
)
def test_labels_that_hold_raise_no_doubt(
    tmp_path: Path, type_name: str, file_type: int, file_name: str
) -> None:
    tensors = {"blk.0.attn_q.weight": ((64, 64), type_name)}
    path = write_model(tmp_path / f"{file_name}.gguf", tensors, {"general.file_type": file_type})
    assert inspect_model(path).warnings == ()


@pytest.mark.parametrize(
    ("file_type", "label"), [(38, "MXFP4_MOE"), (39 | 1024, "NVFP4"), (2 | 1024, "Q4_0")]
)
def test_labels_that_do_not_hold_are_told(tmp_path: Path, file_type: int, label: str) -> None:
    tensors = {"blk.0.attn_q.weight": ((64, 64), "Q8_0")}
    path = write_model(tmp_path / "m.gguf", tensors, {"general.file_type": file_type})
    (warning,) = inspect_model(path).warnings
    assert warning.startswith(f"The header says {label}")
