"""Study files that people and strangers wrote."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.errors import SpecError
from llamawatt.runs.schema import to_yaml
from llamawatt.study.load import builtin_names, builtin_text, load_study, parse_study
from tests.fuzz.mutations import (
    changed_bytes,
    changed_json,
    examples,
    only_typed,
)
from tests.runs.records import study

TEXTS = (*(builtin_text(name) for name in builtin_names()), to_yaml(study()))
SEEDS = tuple(text.encode() for text in TEXTS)
AS_JSON = tuple(json.dumps(yaml.safe_load(text)).encode() for text in TEXTS)


@examples(2)
@given(data=changed_bytes(SEEDS))
def test_bytes(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "fuzzed.yaml"
    path.write_bytes(data)
    only_typed(lambda: load_study(str(path)))


@examples(2)
@given(data=changed_json(AS_JSON))
def test_values(data):
    text = data.decode("utf-8", "replace")
    only_typed(lambda: parse_study(text, "study.yaml"))


@examples(4)
@given(text=st.text(alphabet="-:[]{}&*!|>'\"%@`#,? \na1.~=<", max_size=60))
def test_marks(text):
    only_typed(lambda: parse_study(text, "study.yaml"))


@pytest.mark.parametrize(
    "text",
    [
        "name: " + "[" * 20_000,
        "name: a\nsuites: &a\n  - *a\n",
        "name: a\na0: &a0 [x, x]\n"
        + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60)),
    ],
    ids=["deep", "of-itself", "billions"],
)
def test_yaml_that_is_too_much_is_refused_in_words(text):
    with pytest.raises(SpecError, match=r"^study\.yaml"):
        parse_study(text, "study.yaml")
