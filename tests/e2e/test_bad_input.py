"""Whatever is wrong is said in one sentence, with the right exit code and no traceback."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.e2e.command import llamawatt

FAST = ("--quick", "--quiet")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "text.gguf").write_text("hello, I am no model")
    (tmp_path / "short.gguf").write_bytes(b"GGUF\x03\x00\x00\x00\xff\xff")
    (tmp_path / "huge.gguf").write_bytes(b"GGUF\x03\x00\x00\x00" + b"\xff" * 64)
    (tmp_path / "broken.jsonl").write_text('{"prompt": "fine"}\n{"prompt": \n')
    (tmp_path / "bad.yaml").write_text("name: x\ngroups:\n  - name: g\n    grit: {}\n")
    (tmp_path / "file").write_text("not a folder")
    return tmp_path


def says(done: "subprocess.CompletedProcess[str]", code: int, *words: str) -> None:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert "fault of llamawatt" not in done.stderr
    for word in words:
        assert word in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("bench", "missing.gguf", *FAST), 2, ("missing.gguf", "cannot be read")),
        (("bench", "text.gguf", *FAST), 2, ("text.gguf is no GGUF",)),
        (("bench", "short.gguf", *FAST), 2, ("short.gguf", "cut short")),
        (("bench", "huge.gguf", *FAST), 2, ("huge.gguf", "do not fit")),
        (("bench", ".", *FAST), 2, ("is a folder",)),
        (("bench", "--device", "tpu", *FAST), 2, ("no device 'tpu'",)),
        (("bench", "--budget", "soon", *FAST), 2, ("'soon' is no duration",)),
        (("bench", "--set", "n_threads", *FAST), 2, ("'n_threads' is no setting",)),
        (("bench", "--server", "file", *FAST, "text.gguf"), 2, ("text.gguf is no GGUF",)),
        (("bench", "--url", "http://127.0.0.1:9", *FAST), 4, ("Nothing answers", "127.0.0.1:9")),
        (("bench", "--no-such-option"), 2, ("--no-such-option",)),
        (("study", "run", "no-such-study"), 2, ("no-such-study", "baseline")),
        (("study", "run", "bad.yaml"), 2, ("bad.yaml:4: groups.0.grit",)),
        (("study", "show", "no-such-study"), 2, ("no study named",)),
        (("exec", "--", "no-such-program"), 2, ("no-such-program cannot be started",)),
        (("exec", "--measured-only", "--", "true"), 3, ("Nothing can be measured",)),
    ],
)
def test_wrong_input(
    folder: Path, arguments: tuple[str, ...], code: int, words: tuple[str, ...]
) -> None:
    if "--measured-only" in arguments and Path("/sys/class/powercap").is_dir():
        pytest.skip("this machine has a sensor")
    says(llamawatt(*arguments, cwd=folder), code, *words)


@pytest.mark.serial
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--suite", "no_suite"), ("no suite 'no_suite'",)),
        (("--suite", "broken.jsonl"), ("broken.jsonl:2",)),
        (("--set", "n_threads=-1"), ("n_threads=-1 does not hold",)),
        (("--set", "n_thread=1"), ("no setting 'n_thread'", "n_threads")),
        (("--set", "n_gpu_layers=5", "--device", "cpu"), ("cannot offload",)),
        (("--out", "file/run"), ("Could not make file/run",)),
        (("--server", "file"), ("file may not be run",)),
    ],
)
def test_wrong_input_beside_a_good_model(
    folder: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    done = llamawatt("bench", *FAST, *arguments, cwd=folder)
    says(done, 2, *words)


def test_a_huge_grid_is_not_started_without_yes(tmp_path: Path) -> None:
    values = list(range(1, 101))
    grid = json.dumps({"n_batch": values, "n_ubatch": values, "n_ctx": values})
    (tmp_path / "big.yaml").write_text(f"name: big\ngroups:\n  - name: g\n    grid: {grid}\n")
    done = llamawatt("study", "run", "big.yaml", cwd=tmp_path)
    says(done, 2, "1000000 arms", "would take at least", "--yes")
