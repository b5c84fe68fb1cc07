"""A server that somebody else started is recognised by what it answers."""

import pytest

from llamawatt.core.errors import TargetError, UsageError
from llamawatt.targets.attach import AttachedServer
from llamawatt.targets.launcher import free_port
from tests.targets.fakes import running


@pytest.mark.parametrize(
    ("api", "model"), [("llama-server", ""), ("ollama", "fake:latest"), ("openai", "fake.gguf")]
)
@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
def test_each_api_is_recognised(api: str, model: str, suffix: str) -> None:
    with running("--api", api) as url:
        endpoint = AttachedServer(url + suffix).start()
        assert (endpoint.url, endpoint.kind, endpoint.model) == (url, api, model)
        assert endpoint.pid is None
        assert AttachedServer(url, "mine").start().model == "mine"


def test_where_nothing_answers_the_url_is_named() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(TargetError, match=f"Nothing answers at {url}.*Start the server"):
        AttachedServer(url).start()


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://x", "http://[::1", "nonsense"])
def test_what_is_no_url_is_an_error(url: str) -> None:
    with pytest.raises(UsageError, match=r"is no URL.*Write it as"):
        AttachedServer(url).start()


def test_a_web_page_is_no_server_of_models() -> None:
    with running("--fault", "html") as url, pytest.raises(TargetError, match="is no llama-server"):
        AttachedServer(url).start()


def test_a_server_that_still_loads_says_so() -> None:
    with (
        running("--fault", "never-healthy") as url,
        pytest.raises(TargetError, match="still loads its model"),
    ):
        AttachedServer(url).start()
