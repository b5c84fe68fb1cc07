"""GGUF files that strangers made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.models.gguf.inspect import inspect_model
from tests.fuzz.mutations import changed_bytes, examples, only_typed
from tests.models.ggufs import write_model

TENSORS = {
    "token_embd.weight": ((32, 64), "Q4_0"),
    "blk.0.attn_q.weight": ((64, 64), "Q4_0"),
    "output_norm.weight": ((64,), "F32"),
}
FACTS = {
    "general.name": "m",
    "llama.block_count": 1,
    "llama.context_length": 128,
    "llama.embedding_length": 64,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "llama.attention.sliding_window": 32,
    "general.file_type": 2,
    "split.count": 1,
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gguf")
    lists = {"llama.attention.head_count_kv_per_layer": [2], "llama.feed_forward_length": [64]}
    return write_model(folder / "sound.gguf", TENSORS, FACTS, lists, n_vocab=8)


@examples(2)
@given(data=st.data())
def test_only_typed_errors(sound, data):
    hostile = sound.with_name("hostile.gguf")
    whole = sound.read_bytes()
    header = whole[: len(whole) // 3]
    hostile.write_bytes(data.draw(changed_bytes((header,))) + whole[len(header) :])
    only_typed(lambda: inspect_model(hostile))


@examples(2)
@given(data=st.data())
def test_a_number_in_the_header_replaced(sound, data):
    hostile = sound.with_name("number.gguf")
    whole = bytearray(sound.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        width = data.draw(st.sampled_from((1, 2, 4, 8)))
        at = data.draw(st.integers(4, 700))
        number = data.draw(st.sampled_from((0, 1, 2, 255, 2**31, 2**32 - 1, 2**63, 2**64 - 1)))
        whole[at : at + width] = (number % (1 << 8 * width)).to_bytes(width, "little")
    hostile.write_bytes(whole)
    only_typed(lambda: inspect_model(hostile))
