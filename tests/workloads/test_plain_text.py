"""Plain text is a suite: one prompt a line."""

from pathlib import Path

import pytest

from llamawatt.core.errors import UsageError
from llamawatt.workloads.suite import DEFAULT_N_PREDICT, load_suite


def test_each_line_is_a_prompt(tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_bytes('\ufeffWhy is the sky blue?\r\n\n  {"odd": 1}  \n'.encode())
    suite = load_suite(str(file))
    assert suite.name == "mine"
    assert [prompt.content for prompt in suite.prompts] == ["Why is the sky blue?", '{"odd": 1}']
    assert suite.n_predict == DEFAULT_N_PREDICT


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_no_prompt_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.txt"
    file.write_text(text)
    with pytest.raises(UsageError, match="holds no prompt"):
        load_suite(str(file))
