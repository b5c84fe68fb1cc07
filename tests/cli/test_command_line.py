"""The command line as a whole: help, usage errors, exit codes, no traceback."""

import pytest

from llamawatt import __version__
from llamawatt.cli import main as cli
from llamawatt.core.errors import GateError, MeterError, TargetError, UsageError
from tools.reference.cli_page import command_paths

PATHS = list(command_paths(cli.app))


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    code = cli.main(list(arguments))
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_command_explains_itself(capsys, path):
    code, out, err = run(capsys, *path, "--help")
    assert code == 0
    assert f"Usage: {' '.join(('llamawatt', *path))}" in out
    assert err == ""


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_command_takes_the_short_help_flag(capsys, path):
    assert run(capsys, *path, "-h")[0] == 0


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_command_says_in_a_sentence_what_it_does(capsys, path):
    lines = [line for line in run(capsys, *path, "--help")[1].splitlines() if line.strip()]
    assert lines[1].strip()[0].isupper()


def test_the_version_is_printed(capsys):
    assert run(capsys, "--version") == (0, f"llamawatt {__version__}\n", "")


@pytest.mark.parametrize("arguments", [[], ["study"]], ids=" ".join)
def test_a_group_without_a_command_shows_its_help_as_wrong_usage(capsys, arguments):
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("Usage: llamawatt")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--bogus"],
        ["bogus"],
        ["bench", "--quik"],
        ["bench", "--seed", "x"],
        ["bench", "--seed", "-1"],
        ["bench", "--set", "n_threads"],
        ["bench", "--budget", "soon"],
        ["bench", "--budget", "nan"],
        ["bench", "--budget", "5"],
        ["bench", "--budget", "5 parsecs"],
        ["bench", "--budget", "-5s"],
        ["bench", "--budget", "0s"],
        ["bench", "--device", "toaster"],
        ["exec"],
        ["study", "show"],
        ["study", "show", "no-such-study"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(capsys, arguments):
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("llamawatt: ")
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 2


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (UsageError("Wrong.", "Mend it."), 2),
        (MeterError("Blind.", "Mend it."), 3),
        (TargetError("Dead.", "Mend it."), 4),
        (GateError("No.", "Mend it."), 1),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 0),
        (ZeroDivisionError("secret"), 70),
    ],
)
def test_what_a_command_raises_becomes_an_exit_code(monkeypatch, tmp_path, capsys, raised, code):
    def fail(*_args, **_kwargs):
        raise raised

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("llamawatt.study.load.builtin_names", fail)
    found, out, err = run(capsys, "study", "list")
    assert (found, out) == (code, "")
    assert "Traceback" not in err
    assert ("Mend it." in err) == hasattr(raised, "remedy")


def test_a_fault_of_the_program_leaves_its_details_in_a_file(monkeypatch, tmp_path, capsys):
    def fail():
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("llamawatt.study.load.builtin_names", fail)
    _, _, err = run(capsys, "study", "list")
    (details,) = tmp_path.iterdir()
    assert str(details) in err
    assert "ZeroDivisionError: secret" in details.read_text()
