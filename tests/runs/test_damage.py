"""Whatever a crash, a stranger or another version left in a run directory, it is read or refused.

Refused means: one `RunDirectoryError` that names the file.
"""

import json
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.errors import RunDirectoryError
from llamawatt.core.trials import SCHEMA
from llamawatt.report.content.source import source_at
from llamawatt.report.content.summary import summarise
from llamawatt.report.forms.csv_form import summary_csv
from llamawatt.report.forms.json_form import report_json
from llamawatt.report.forms.markdown import markdown
from llamawatt.report.forms.run_json import run_json
from llamawatt.runs import journal
from llamawatt.runs.store import read_run
from tests.analysis.synthetic import paper_arms
from tests.report.conftest import write_run

OLD = Path(__file__).parent / "data" / "schema-1"
"""A run as it was first written: without sessions, and with a protocol of fewer fields."""
FILES = ("study.yaml", "machine.json", "trials.jsonl", "events.jsonl")
NUMBERS = (0, -1, 5, 1e308, -1e308, 1e-320, 1e154, 1e16, 2**53 + 1, 2**63, 2**70)
VALUES = (*NUMBERS, None, True, "", "x", "\x1b[31m", "<b>", [], {}, [[]], 10**400, "energy")


def told(path):
    """Read a run all the way, and render it without its figures."""
    model = summarise(source_at(path))
    report_json(model)
    return summary_csv(model), markdown(model), run_json(model, "r"), read_run(path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("damage") / "run"
    return write_run(path, (), arms=paper_arms()[:4], n_blocks=3)


@pytest.fixture
def run(whole, tmp_path):
    return Path(shutil.copytree(whole, tmp_path / "run"))


def read_or_refused(path):
    """Return what was said when it was refused; None when it was read."""
    try:
        told(path)
    except RunDirectoryError as error:
        return str(error)
    return None


def refused(path, said):
    for read in (told, read_run):
        with pytest.raises(RunDirectoryError, match=said) as caught:
            read(path)
        assert len(str(caught.value)) < 700
        assert "\n" not in str(caught.value)


def test_a_run_of_the_first_schema_still_opens(tmp_path):
    path = Path(shutil.copytree(OLD, tmp_path / "run"))
    read = read_run(path)
    assert {trial.schema for trial in read.trials} == {1}
    assert len(read.trials) == 12
    rows = {(row.arm, row.suite): row for row in summarise(source_at(path)).suite_rows()}
    assert len(rows) == 6
    assert all(row.estimates["energy_j"].value > 0 for row in rows.values())
    assert all(row.estimates["above_idle_j"].value > 0 for row in rows.values())
    told(path)


@pytest.mark.parametrize("file", ["study.yaml", "trials.jsonl", "quality.json"])
def test_a_newer_schema_is_refused_with_the_remedy(run, file):
    newer = SCHEMA + 1
    if file == "study.yaml":
        text = (run / file).read_text()
        (run / file).write_text(text.replace(f"schema: {SCHEMA}", f"schema: {newer}", 1))
    elif file == "quality.json":
        (run / file).write_text(json.dumps({"schema": newer, "judged": []}))
    else:  # the first half of this version, the second of the next, with fields of its own
        lines = (run / file).read_text().splitlines()
        half = len(lines) // 2
        lines[half:] = [json.dumps({"schema": newer, "novel": True}) for _ in lines[half:]]
        (run / file).write_text("\n".join(lines) + "\n")
    refused(run, rf"{file}.* has schema {newer}; .*Upgrade llamawatt")


@pytest.mark.parametrize("file", ["study.yaml", "machine.json"])
def test_a_file_that_is_not_there_is_named(run, file):
    (run / file).unlink()
    refused(run, file)


def test_missing_journals_are_empty(run):
    for file in ("trials.jsonl", "events.jsonl"):
        (run / file).unlink()
    assert told(run)[-1].trials == ()


@pytest.mark.parametrize("file", ["trials.jsonl", "events.jsonl"])
def test_a_last_line_cut_by_a_kill_is_left_out_and_said(run, file):
    data = (run / file).read_bytes()
    (run / file).write_bytes(data[:-40])
    *_, read = told(run)
    assert f"{file} ends in a half-written line" in read.warnings[0]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe\x00",
        b"[" * 100_000 + b"\n",
        b'{"schema":1,"a":' * 50_000 + b"\n",
        b"null\n",
        b'"x"\n',
        b"{}\n",
        b"\x00" * 1000 + b"\n",
    ],
    ids=["bytes", "brackets", "braces", "null", "text", "empty", "zeros"],
)
def test_what_is_no_record_is_refused_with_its_file(run, file, data):
    (run / file).write_bytes(data if file.endswith(("yaml", "json")) else data.rstrip() + b"\n")
    refused(run, file)


def test_blank_lines_are_passed_over_and_counted(run):
    file = run / "trials.jsonl"
    first, *rest = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"\n  \n" + first + b"\r\n\n" + b"".join(rest))
    assert len(told(run)[-1].trials) == len(rest) + 1
    file.write_bytes(b"\n\n" + first.replace(b'"block":0', b'"block":"0"') + b"".join(rest))
    refused(run, r"trials\.jsonl:3: block: Expected int, got str")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("order", 2**70, "not possible"),
        ("block", -1, "not possible"),
        ("order", None, "order: Expected int, got null"),
        ("status", "fine", "status: Invalid enum value 'fine'"),
        ("window", {"t0_s": 1.0, "t1_s": 0.0, "duration_s": -1.0}, "not possible"),
        ("window", {"t0_s": 1.0, "t1_s": 1.0, "duration_s": 0.0}, "not possible"),
        ("requests", [], "not possible"),
        ("energy", {"cpu-package-0": None}, "energy"),
        ("requests", [1], r"requests\[0\]"),
    ],
)
def test_a_field_that_cannot_be_is_named_with_its_line(run, field, value, said):
    file = run / "trials.jsonl"
    lines = file.read_text().splitlines()
    lines[4] = json.dumps({**json.loads(lines[4]), field: value})
    file.write_text("\n".join(lines) + "\n")
    refused(run, rf"trials\.jsonl:5: .*{said}")


def test_a_count_that_no_float_holds_is_refused(run):
    file = run / "trials.jsonl"
    lines = file.read_text().splitlines()
    trial = json.loads(lines[0])
    trial["requests"][0]["n_generated"] = 10**400
    file.write_text("\n".join([json.dumps(trial), *lines[1:]]) + "\n")
    refused(run, r"trials\.jsonl:1: ")


def test_aliases_that_would_stand_for_billions_are_refused(run):
    layers = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    (run / "study.yaml").write_text("schema: 1\n" + "\n".join(layers) + "\n")
    refused(run, r"study\.yaml is not valid YAML .*aliases")


def test_a_file_too_large_to_be_a_study_is_not_read(run):
    (run / "study.yaml").write_bytes(b"# " + b"x" * (5 << 20))
    refused(run, r"study\.yaml is larger than 4 MiB")


def test_a_line_without_end_is_not_read_whole(run, monkeypatch):
    monkeypatch.setattr(journal, "MOST_BYTES", 1 << 20)
    with (run / "trials.jsonl").open("ab") as file:
        file.write(b'{"a":"' + b"x" * (8 << 20) + b'"}\n')
    refused(run, r"trials\.jsonl:\d+ is longer than 1 MiB")


def places(value, found):
    """Every place in nested lists and mappings."""
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        found.append((value, key))
        if isinstance(part, dict | list):
            places(part, found)
    return found


def spoiled(data, chance):
    """Change one value of a record, or take it out."""
    record = json.loads(data)
    owner, key = chance.choice(places(record, []))
    if chance.random() < 0.2:
        del owner[key]
    elif isinstance(owner[key], int | float) and chance.random() < 0.7:
        owner[key] = chance.choice(NUMBERS)
    else:
        owner[key] = chance.choice(VALUES)
    return json.dumps(record).encode()


@given(seed=st.integers(0, 2**32))
def test_spoiled_values_are_read_or_refused(whole, tmp_path_factory, seed):
    chance = random.Random(seed)
    run = Path(shutil.copytree(whole, tmp_path_factory.mktemp("spoiled") / "run"))
    file = run / chance.choice(("trials.jsonl", "trials.jsonl", "machine.json", "events.jsonl"))
    lines = [file.read_bytes()] if file.suffix == ".json" else file.read_bytes().splitlines()
    for at in chance.sample(range(len(lines)), k=chance.randint(1, min(3, len(lines)))):
        lines[at] = spoiled(lines[at], chance)
    file.write_bytes(b"\n".join(lines) + b"\n")
    said = read_or_refused(run)
    assert said is None or file.name in said


@given(seed=st.integers(0, 2**32))
def test_cut_and_torn_files_are_read_or_refused(whole, tmp_path_factory, seed):
    chance = random.Random(seed)
    run = Path(shutil.copytree(whole, tmp_path_factory.mktemp("torn") / "run"))
    file = run / chance.choice(FILES)
    data = file.read_bytes()
    start = chance.randrange(len(data))
    end = min(len(data), start + chance.choice((0, 1, 3, 4000, len(data))))
    file.write_bytes(data[:start] + chance.randbytes(chance.choice((0, 1, 4))) + data[end:])
    said = read_or_refused(run)
    assert said is None or file.name in said
