"""What `doctor --url` says of a server is what the server is and does."""

import json

import pytest

from llamawatt.app.server_look import look_at
from llamawatt.app.serving import Serving
from llamawatt.cli.doctor_server import WIDTH, lines, tell_server
from llamawatt.core.errors import UsageError
from llamawatt.core.flags import Flag
from llamawatt.targets.access import Access
from tests.targets.fakes import running

SEEN_FROM_HERE = (Flag.CLIENT_TIMED, Flag.CACHE_UNKNOWN)


@pytest.mark.parametrize(
    ("api", "server", "times", "cache", "flags"),
    [
        ("llama-server", "llama-server", "its own", "0 prompt tokens", ()),
        ("ollama", "Ollama", "its own", "nothing", (Flag.CACHE_UNKNOWN,)),
        (
            "lm-studio",
            "LM Studio",
            "none; they",
            "nothing",
            (Flag.CLIENT_TIMED, Flag.CACHE_UNKNOWN),
        ),
        ("koboldcpp", "KoboldCpp", "none that", "nothing", (Flag.CACHE_UNKNOWN,)),
        ("llama-swap", "llama-swap", "its own", "0 prompt tokens", ()),
    ],
)
def test_what_a_server_reports_is_told(
    api: str, server: str, times: str, cache: str, flags: tuple[Flag, ...]
) -> None:
    with running("--api", api, "--decode-tok-per-s", "400") as url:
        look = look_at(Serving(url=url))
    assert (look.server, look.address, look.has_key, look.flags) == (server, url, False, flags)
    assert look.reports["times"].startswith(times)
    assert look.reports["cache"].startswith(cache)
    assert ("prefill and decode apart" in look.not_measured) == (api == "koboldcpp")
    shown = "\n".join(lines(look))
    assert server in shown
    assert max(map(len, shown.splitlines())) <= WIDTH
    for flag in flags:
        assert flag.sentence.split()[0] in shown


def test_it_is_told_in_json_without_the_key(capsys: pytest.CaptureFixture[str]) -> None:
    with running("--api-key", "hunter2") as url:
        tell_server(Serving(url=url, access=Access("hunter2")), as_json=True)
    said = capsys.readouterr().out
    assert "hunter2" not in said
    assert json.loads(said)["has_key"] is True


def test_what_it_refused_is_told() -> None:
    with running("--api", "openai", "--quirk", "refuses=ignore_eos") as url:
        look = look_at(Serving(url=url))
    assert look.reports["refused"] == "ignore_eos"
    assert Flag.SETTING_REFUSED in look.flags


@pytest.mark.parametrize("access", [Access("k"), Access(insecure=True)])
def test_a_key_without_a_server_is_refused(access: Access) -> None:
    with pytest.raises(UsageError, match=r"--api-key.*need a running server"):
        Serving(access=access).require_consistent()
