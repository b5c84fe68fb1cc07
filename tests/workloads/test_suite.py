"""Suites: built-in, the user's own, and every broken line named."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.errors import UsageError
from llamawatt.workloads.suite import load_suite, make_suite, parse_lines, suite_names


@pytest.mark.parametrize("name", suite_names())
def test_a_builtin_suite_has_prompts_of_one_length_each_with_its_own_text(name: str) -> None:
    suite = load_suite(name)
    assert len(suite.prompts) >= 8
    assert len({prompt.content for prompt in suite.prompts}) == len(suite.prompts)
    assert {prompt.n_predict for prompt in suite.prompts} == {suite.n_predict}


def test_the_three_suites_of_the_study_are_there() -> None:
    assert suite_names() == ("analytical_reasoning", "narrative_generation", "short_dialogue")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", r"mine\.jsonl:2: Invalid JSON"),
        ('{"text": "x"}', r"mine\.jsonl:2: prompt: Field required"),
        ('{"prompt": ""}', r"mine\.jsonl:2: prompt"),
        ('{"prompt": "x", "n_predict": 0}', r"mine\.jsonl:2: n_predict"),
        ('{"prompt": "x", "colour": 1}', r"mine\.jsonl:2: colour"),
        ("[1]", r"mine\.jsonl:2"),
        ('{"prompt": "x", "id": "a"}', r"mine\.jsonl:2: the id 'a' was used before"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(f'{{"prompt": "hello", "id": "a"}}\n{line}\n')
    with pytest.raises(UsageError, match=complaint):
        load_suite(str(path))


def test_an_unknown_suite_suggests_a_close_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean short_dialogue"):
        load_suite("short_dialog")
    with pytest.raises(UsageError, match="Could not read"):
        load_suite(str(tmp_path / "missing.jsonl"))
    with pytest.raises(UsageError, match="holds no prompt"):
        parse_lines("\n\n", "empty.jsonl")


def test_the_hash_tells_unlike_work_apart() -> None:
    prompts = parse_lines('{"prompt": "a"}\n{"prompt": "b"}', "x")
    longer = parse_lines('{"prompt": "a", "n_predict": 9}\n{"prompt": "b"}', "x")
    assert make_suite("x", prompts).sha256 == make_suite("y", prompts).sha256
    assert make_suite("x", prompts).sha256 != make_suite("x", longer).sha256


@given(n_prompt=st.integers(1, 300), n_generate=st.integers(1, 300))
def test_a_shape_has_the_tokens_it_names(n_prompt: int, n_generate: int) -> None:
    suite = load_suite(f"pp{n_prompt}+tg{n_generate}")
    assert {len(prompt.content) for prompt in suite.prompts} == {n_prompt}
    assert {prompt.n_predict for prompt in suite.prompts} == {n_generate}
    assert load_suite(f"pp{n_prompt}").n_predict == 1
    assert {len(prompt.content) for prompt in load_suite(f"tg{n_generate}").prompts} == {1}


@pytest.mark.parametrize("text", ["", "pp", "pp0", "tg-1", "pp512tg", "pp1e9", "pp99999999"])
def test_what_is_no_shape_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        load_suite(text)
