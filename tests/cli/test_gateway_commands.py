import json

import pytest

from llamawatt.cli.main import main
from llamawatt.gateway.hashing import hash_of
from tests.gateway.store.test_store import ROW, kept


def test_a_trace_is_simulated(capsys):
    assert main(["serve", "--simulate", "bursty", "--seed", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["saving_share"] > 0.3
    assert [each["lever"] for each in found["levers"]] == ["batching", "unloading", "routing"]
    assert main(["serve", "--simulate", "bursty"]) == 0
    assert "+ unloading" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serve", "--simulate", "no-such.csv"], "cannot be read"),
        (["serve", "--simulate", "steady", "--policy", "cheap"], "no policy"),
        (["serve", "no-such.toml"], "cannot be read"),
        (["serve", "x.toml", "--model", "m"], "names its own models"),
        (["serve", "--model", "m", "--host", "0.0.0.0"], "everybody"),
        (["serve", "--model", "m", "--policy", "cheap"], "policy does not hold"),
        (["energy", "--by", "week"], "not kept by"),
        (["energy", "--since", "yesterday"], "no day"),
        (["energy", "--database", "no-such.sqlite"], "no database"),
    ],
)
def test_what_does_not_hold_is_refused_in_a_sentence(arguments, said, capsys):
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


def test_a_key_is_hashed(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", _Typed("0123456789abcdef0\n"))
    assert main(["serve", "--hash-key"]) == 0
    assert capsys.readouterr().out.strip() == hash_of("0123456789abcdef0")
    monkeypatch.setattr("sys.stdin", _Typed("short\n"))
    assert main(["serve", "--hash-key"]) == 2


class _Typed:
    def __init__(self, text):
        self._text = text

    def isatty(self):
        return False

    def readline(self):
        return self._text


def test_what_was_used_is_shown_and_exported(tmp_path, capsys):
    path = tmp_path / "e.sqlite"
    kept(path, ROW)
    assert main(["energy", "--database", str(path), "--by", "day,key"]) == 0
    assert "2027-01-15  me" in capsys.readouterr().out
    assert main(["energy", "--database", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["energy_j"] == 30.0
    out = tmp_path / "e.csv"
    assert main(["energy", "--database", str(path), "--export", str(out)]) == 0
    assert "1 answers written" in capsys.readouterr().out
    assert out.read_text().startswith("request_id,")


def test_a_gateway_that_is_not_there_is_said(capsys):
    assert main(["top", "--once", "--url", "http://127.0.0.1:1"]) == 4
    assert "No gateway answers" in capsys.readouterr().err
