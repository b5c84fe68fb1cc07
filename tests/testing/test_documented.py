"""What the page on testing shows is run as it stands there."""

import re
from pathlib import Path

import pytest

from llamawatt import testing

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "testing.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_the_examples_of_the_page_pass(block):
    names: dict[str, object] = {}
    exec(compile(block, str(PAGE), "exec"), names)
    tests = [value for name, value in names.items() if name.startswith("test_")]
    assert tests
    for each in tests:
        each()


def test_every_public_name_is_on_the_page():
    page = PAGE.read_text("utf-8")
    assert len(BLOCKS) == 2
    assert [name for name in testing.__all__ if f"`{name}" not in page] == []
