"""Run directories as a crash or a stranger left them: read, analysed, reported."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.report.content.source import source_at
from llamawatt.report.content.summary import summarise
from llamawatt.report.forms.write import write_report
from llamawatt.runs.store import read_run
from tests.analysis.synthetic import paper_arms
from tests.fuzz.mutations import (
    changed_bytes,
    changed_json,
    changed_lines,
    examples,
    only_typed,
)
from tests.report.conftest import DATE, write_run

QUALITY = Path(__file__).parents[2] / "examples/h100-cache/quality.json"
LINES = {"trials.jsonl", "events.jsonl"}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    run = write_run(
        tmp_path_factory.mktemp("fuzz") / "run", (), arms=paper_arms()[:2], n_blocks=2, phases=False
    )
    shutil.copy(QUALITY, run / "quality.json")
    with (run / "events.jsonl").open("ab") as events:
        events.write(b'{"kind": "retry", "text": "again", "arm": "cpu"}\n')
    (run / "sound").mkdir()
    for file in run.iterdir():
        if file.is_file():
            shutil.copy(file, run / "sound")
    return run


@st.composite
def changed_file(draw, folder):
    name = draw(
        st.sampled_from(
            ("trials.jsonl", "events.jsonl", "machine.json", "study.yaml", "quality.json")
        )
    )
    data = (folder / name).read_bytes()
    if name in LINES:
        return name, draw(changed_lines((data,)))
    if name == "study.yaml":
        as_json = json.dumps(yaml.safe_load(data)).encode()
        return name, draw(st.one_of(changed_bytes((data,)), changed_json((as_json,))))
    return name, draw(changed_json((data,)))


def change(run, data):
    for file in (run / "sound").iterdir():
        shutil.copy(file, run)
    for _ in range(data.draw(st.integers(1, 2))):
        name, content = data.draw(changed_file(run / "sound"))
        if data.draw(st.integers(0, 19)):
            (run / name).write_bytes(content)
        else:
            (run / name).unlink(missing_ok=True)


@examples(3)
@given(data=st.data())
def test_reading_and_analysing(sound, data):
    change(sound, data)
    only_typed(lambda: read_run(sound).to_arrow())
    only_typed(lambda: summarise(source_at(sound), DATE))


@examples(20)
@given(data=st.data())
def test_the_whole_report(sound, data):
    change(sound, data)
    only_typed(lambda: write_report(sound, sound / "out", DATE))
