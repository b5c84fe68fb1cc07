import contextlib
import struct
import time
import tracemalloc
from pathlib import Path

import pytest
from gguf import GGUFReader
from hypothesis import given, settings
from hypothesis import strategies as st

from llamawatt.core.errors import ModelError
from llamawatt.models.gguf.header import ArrayFact, read_header
from llamawatt.models.gguf.inspect import inspect_model
from tests.models.ggufs import ARRAY, STRING, UINT32, head, text, write_model

HUGE = 1 << 60


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return write_model(
        tmp_path / "sound.gguf",
        {"token_embd.weight": ((8, 64), "Q8_0"), "blk.0.attn_q.weight": ((64, 64), "Q4_0")},
        {"llama.block_count": 1},
        {"llama.attention.head_count_kv": [2, 4]},
        n_vocab=8,
    )


def test_reads_what_the_reference_reader_reads(sound: Path) -> None:
    header = read_header(sound)
    reference = GGUFReader(sound)
    assert header.version == 3
    assert header.data_start_bytes == reference.data_offset
    assert [t.name for t in header.tensors] == [t.name for t in reference.tensors]
    for ours, theirs in zip(header.tensors, reference.tensors, strict=True):
        assert ours.shape == tuple(int(size) for size in theirs.shape)
        assert ours.type_id == int(theirs.tensor_type)
        assert header.data_start_bytes + ours.offset_bytes == theirs.data_offset
    for key, value in header.metadata.items():
        if isinstance(value, ArrayFact):
            assert value.n_items == len(reference.fields[key].data)
        else:
            assert value == reference.fields[key].contents()
    assert header.numbers("llama.attention.head_count_kv") == (2, 4)


def test_every_cut_is_noticed(sound: Path, tmp_path: Path) -> None:
    whole = sound.read_bytes()
    cut = tmp_path / "cut.gguf"
    for size in (*range(0, len(whole), 29), len(whole) - 1):
        cut.write_bytes(whole[:size])
        with pytest.raises(ModelError):
            inspect_model(cut)


HOSTILE = {
    "tensors": head(HUGE, 0),
    "pairs": head(0, HUGE),
    "key": head(0, 1) + struct.pack("<Q", HUGE),
    "string": head(0, 1) + text("k") + struct.pack("<IQ", STRING, HUGE),
    "numbers": head(0, 1) + text("k") + struct.pack("<IIQ", ARRAY, UINT32, HUGE),
    "strings": head(0, 1) + text("k") + struct.pack("<IIQ", ARRAY, STRING, HUGE),
    "arrays": head(0, 1) + text("k") + struct.pack("<IIQ", ARRAY, ARRAY, 1),
    "value type": head(0, 1) + text("k") + struct.pack("<I", 77),
    "dimensions": head(1, 0) + text("t") + struct.pack("<I", 1000),
    "version": head(0, 0, version=9),
    "big-endian": b"GGUF" + struct.pack(">IQQ", 3, 0, 0),
    "alignment": head(0, 1) + text("general.alignment") + struct.pack("<II", UINT32, 7),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_headers_are_named_errors_and_cost_nothing(name: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.gguf"
    path.write_bytes(HOSTILE[name] + bytes(4096))
    tracemalloc.start()
    with pytest.raises(ModelError) as caught:
        read_header(path)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert str(path) in caught.value.what
    assert caught.value.remedy
    assert peak_bytes < 2_000_000


@pytest.mark.parametrize("content", [b"", b"GG", b"PK\x03\x04" + bytes(100), b"GGML" + bytes(50)])
def test_what_is_no_gguf_says_so(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="no GGUF"):
        read_header(path)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_flipped_bytes_never_escape_as_another_error(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    sound = folder / "fuzz-sound.gguf"
    if not sound.exists():
        write_model(
            sound, {"token_embd.weight": ((2, 32), "Q8_0")}, {"llama.block_count": 1}, n_vocab=4
        )
    raw = bytearray(sound.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(4, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = folder / "fuzz.gguf"
    path.write_bytes(bytes(raw))
    with contextlib.suppress(ModelError):
        inspect_model(path)


def test_a_large_vocabulary_is_skipped_not_built(tmp_path: Path) -> None:
    n_vocab = 50_000
    path = write_model(tmp_path / "v.gguf", {"output.weight": ((2, 32), "Q8_0")}, n_vocab=n_vocab)
    started_s = time.process_time()
    header = read_header(path)
    ours_s = time.process_time() - started_s
    started_s = time.process_time()
    GGUFReader(path)
    reference_s = time.process_time() - started_s
    assert header.metadata["tokenizer.ggml.tokens"] == ArrayFact(n_vocab)
    assert ours_s < reference_s / 3
