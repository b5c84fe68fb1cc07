"""Prompt files of the user's."""

from hypothesis import given
from hypothesis import strategies as st

from llamawatt.workloads.suite import load_suite
from tests.fuzz.mutations import changed_bytes, changed_lines, examples, only_typed

SEEDS = (
    b'{"prompt": "Why is the sky blue?", "id": "a", "n_predict": 64}\n{"prompt": "b"}\n',
    '{"prompt": "日本", "id": "ü"}\r\n\n'.encode(),
)


@examples()
@given(data=st.one_of(changed_lines(SEEDS), changed_bytes(SEEDS)))
def test_only_typed_errors(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "fuzzed.jsonl"
    path.write_bytes(data)
    only_typed(lambda: load_suite(str(path)))


def test_a_name_of_any_length_is_not_quoted_whole(tmp_path):
    path = tmp_path / "long.jsonl"
    path.write_text('{"prompt": "a", "' + "[" * 100_000 + '": 1}\n')
    only_typed(lambda: load_suite(str(path)))
