"""Output outlives its reader, and any terminal can show it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.cli import main as cli
from llamawatt.cli.console import streams
from llamawatt.cli.console.streams import ascii_json, spelled
from tests.e2e.command import COMMAND, llamawatt
from tests.house.tree import ROOT

EXAMPLE = str(ROOT / "examples/h100-batch")
ENCODINGS = ["ascii", "cp1252", "latin-1", "utf-16", "cp437", "utf-8"]
COMMANDS = [
    ("study", "list"),
    ("study", "show", "cache"),
    ("model", "list"),
    ("compare", EXAMPLE, EXAMPLE),
    ("compare", EXAMPLE, EXAMPLE, "--markdown"),
    ("bench", "--help"),
    ("quality", "--help"),
    ("bench", "--set", "±"),
]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_encoding_of_the_output_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: tuple[str, ...], encoding: str
) -> None:
    with (
        (tmp_path / "out").open("w", encoding=encoding) as out,
        (tmp_path / "err").open("w", encoding=encoding) as err,
    ):
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        streams.make_sturdy()
        code = cli.main(list(command))
        sys.stdout.flush()
        sys.stderr.flush()
    assert code == (2 if "±" in command else 0)
    said = (tmp_path / ("err" if code else "out")).read_bytes()
    assert said.decode("utf-8" if encoding == "ascii" else encoding)  # typer writes UTF-8 for ASCII


@pytest.mark.parametrize("encoding", ["ascii:strict", "cp1252"])
def test_the_installed_command_spells_what_the_output_lacks(encoding: str) -> None:
    done = llamawatt("compare", EXAMPLE, EXAMPLE, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr


def test_json_is_the_same_in_every_encoding(tmp_path: Path) -> None:
    said = [
        llamawatt(
            "report", EXAMPLE, "--out", str(tmp_path), "--json", PYTHONIOENCODING=encoding
        ).stdout
        for encoding in ("utf-8", "ascii")
    ]
    assert json.loads(said[0]) == json.loads(said[1])


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
@pytest.mark.parametrize("command", [COMMANDS[0], COMMANDS[3]], ids=" ".join)
@pytest.mark.parametrize("reader", ["head -1", "true"])
def test_a_reader_that_leaves_changes_nothing(command: tuple[str, ...], reader: str) -> None:
    line = f'set -o pipefail; "$@" | {reader}'
    done = subprocess.run(
        ["bash", "-c", line, "bash", *COMMAND, *command],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
def test_a_report_is_written_though_nobody_reads_on(tmp_path: Path) -> None:
    line = 'set -o pipefail; "$@" | true'
    command = [*COMMAND, "report", EXAMPLE, "--out", str(tmp_path)]
    done = subprocess.run(["bash", "-c", line, "bash", *command], check=False, timeout=120)
    assert done.returncode == 0
    assert (tmp_path / "report.html").is_file()


@given(st.text(st.characters(codec=None)))
def test_escaped_json_means_the_same(text: str) -> None:
    escaped = ascii_json(json.dumps({"a": text}, ensure_ascii=False))
    assert escaped.isascii()
    assert json.loads(escaped) == {"a": text}


def test_what_cannot_be_encoded_is_spelled() -> None:
    with pytest.raises(UnicodeEncodeError) as caught:
        "5 ± 1 ☃".encode("ascii")
    assert spelled(caught.value)[0].startswith("+-")
