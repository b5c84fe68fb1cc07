"""A server that somebody else started is recognised by two facts, and its model is named."""

import socket
import threading
import time

import pytest

from llamawatt.core.errors import TargetError, UsageError
from llamawatt.targets.access import Access
from llamawatt.targets.attach import AttachedServer
from llamawatt.targets.launcher import free_port
from tests.targets.fakes import running


@pytest.mark.parametrize("api", ["llama-server", "ollama", "openai"])
@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
def test_an_address_is_taken_with_and_without_v1(api: str, suffix: str) -> None:
    with running("--api", api) as url:
        endpoint = AttachedServer(url + suffix).start()
        assert (endpoint.url, endpoint.kind, endpoint.pid) == (url, api, None)


@pytest.mark.parametrize(
    ("api", "kind", "server", "build", "model", "whole"),
    [
        ("llama-server", "llama-server", "llama-server", "fake-1", "", False),
        ("router", "llama-server", "llama-server (router)", "fake-1", "fake-Q4_0.gguf", False),
        ("fork", "openai", "an older llama-server or a fork of it", "", "fake-Q4_0.gguf", True),
        ("llamafile", "openai", "llamafile", "llamafile/0.9.3", "fake-Q4_0.gguf", True),
        ("llama-swap", "openai", "llama-swap", "llama-swap 176", "fake-Q4_0.gguf", False),
        ("ollama", "ollama", "Ollama", "ollama 0.31.0", "fake:latest", False),
        ("lm-studio", "openai", "LM Studio", "", "fake-Q4_0.gguf", False),
        ("koboldcpp", "openai", "KoboldCpp", "KoboldCpp 1.99", "koboldcpp/fake-Q4_0.gguf", True),
        ("vllm", "openai", "vLLM", "vLLM 0.11.0", "fake-Q4_0.gguf", False),
        ("sglang", "openai", "SGLang", "SGLang", "fake-Q4_0.gguf", False),
        ("tabbyapi", "openai", "TabbyAPI", "TabbyAPI", "fake-Q4_0.gguf", False),
        ("jan", "openai", "Jan", "", "fake-Q4_0.gguf", False),
        ("llama-cpp-python", "openai", "llama-cpp-python", "", "fake-Q4_0.gguf", False),
        ("openai", "openai", "an OpenAI-compatible server", "", "fake-Q4_0.gguf", False),
    ],
)
def test_each_kind_is_recognised(
    api: str, kind: str, server: str, build: str, model: str, whole: bool
) -> None:
    with running("--api", api, "--model", "fake-Q4_0.gguf") as url:
        found = AttachedServer(url).start()
    seen = (found.kind, found.server, found.build, found.model, found.whole)
    assert seen == (kind, server, build, model, whole)


@pytest.mark.parametrize(
    ("api", "name", "quantization", "n_params"),
    [
        ("llama-server", "tiny", "Q4_0", 1_100_048_384),
        ("router", "tiny", "Q4_0", None),
        ("fork", "tiny", "", None),
        ("llama-swap", "tiny", "", None),
        ("lm-studio", "tiny.gguf", "Q4_K_M", None),
        ("ollama", "fake", "Q4_0", None),
        ("vllm", "tiny", "", None),
    ],
)
def test_the_model_and_its_quantisation_are_named(
    api: str, name: str, quantization: str, n_params: int | None
) -> None:
    file = "tiny-Q4_0.gguf" if api == "router" else "tiny.gguf"
    with running("--api", api, "--model", file) as url:
        served = AttachedServer(url).start().served
    found = (served.name.removesuffix("-Q4_0"), served.quantization, served.n_params)
    assert found == (name, quantization, n_params)


@pytest.mark.parametrize(
    ("api", "wanted", "model"),
    [
        ("llama-server", "fake.gguf", ""),
        ("llama-server", "fake", ""),
        ("router", "fake.gguf", "fake.gguf"),
        ("ollama", "fake", "fake:latest"),
        ("ollama", "fake:latest", "fake:latest"),
        ("lm-studio", "spare-7b", "spare-7b"),
        ("llama-swap", "other", "other"),
        ("llama-swap", "unlisted", "unlisted"),
        ("openai", "fake.gguf", "fake.gguf"),
    ],
)
def test_a_model_may_be_named(api: str, wanted: str, model: str) -> None:
    with running("--api", api) as url:
        assert AttachedServer(url, wanted).start().model == model


@pytest.mark.parametrize(
    "api", ["llama-server", "router", "fork", "ollama", "lm-studio", "koboldcpp", "vllm", "openai"]
)
def test_a_model_that_the_server_does_not_have_is_refused_with_those_it_has(api: str) -> None:
    with running("--api", api) as url, pytest.raises(UsageError, match=r"no model 'nope'.*fake"):
        AttachedServer(url, "nope").start()


@pytest.mark.parametrize(
    ("api", "wanted", "words"),
    [
        ("ollama", "big:cloud", "big:cloud runs elsewhere, at https://cloud.example"),
        ("lm-studio", "text-embedding-nomic", "writes no text"),
        ("router", "bge-small-en", "writes no text"),
    ],
)
def test_a_model_that_cannot_be_measured_is_refused(api: str, wanted: str, words: str) -> None:
    with running("--api", api) as url, pytest.raises(TargetError, match=words):
        AttachedServer(url, wanted).start()


def test_where_nothing_answers_the_url_is_named() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(TargetError, match=f"Nothing answers at {url}.*Start the server"):
        AttachedServer(url).start()


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://x", "http://[::1", "nonsense"])
def test_what_is_no_url_is_an_error(url: str) -> None:
    with pytest.raises(UsageError, match=r"is no URL.*Write it as"):
        AttachedServer(url).start()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("html", r"is no llama-server.*It says: Welcome. Tried /props: 200; .*/v1/models: 200"),
        ("never-healthy", "still loads its model"),
        ("bad-gateway", "proxy at .* answered 502: 502 Bad Gateway.*behind it does not answer"),
        ("unavailable", "proxy at .* answered 503: 503 Service Temporarily Unavailable"),
        ("html-500", r"Tried /props: 500"),
        ("redirect", r"redirects to https://login.example/\?token=\*\*\*.*answers itself"),
        ("forbidden", r"needs a key \(403: Not allowed from here\).*--api-key"),
    ],
)
def test_what_is_no_server_of_models_is_said_in_its_own_words(fault: str, words: str) -> None:
    with running("--fault", fault) as url, pytest.raises(TargetError, match=words):
        AttachedServer(url).start()


@pytest.mark.parametrize("api", ["llama-server", "ollama", "openai", "lm-studio"])
def test_a_key_is_asked_for_and_used(api: str) -> None:
    with running("--api", api, "--api-key", "hunter2") as url:
        with pytest.raises(TargetError, match=r"needs a key \(401: Invalid API Key.*--api-key"):
            AttachedServer(url).start()
        with pytest.raises(TargetError, match="refused the key") as raised:
            AttachedServer(url, access=Access("wrong-key")).start()
        assert "wrong-key" not in str(raised.value)
        endpoint = AttachedServer(url, access=Access("hunter2")).start()
    assert endpoint.access.api_key == "hunter2"
    assert "hunter2" not in repr(endpoint)


@pytest.mark.parametrize(
    "sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", b"\0\1\2"]
)
def test_what_takes_connections_and_hangs_up_or_talks_nonsense_is_said(sent: bytes) -> None:
    with Listening(sent) as url, pytest.raises(TargetError, match="takes connections and gives no"):
        AttachedServer(url).start()


def test_a_page_without_an_end_is_given_up() -> None:
    blanks = b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 6_000_000
    begin_s = time.monotonic()
    with Listening(blanks) as url, pytest.raises(TargetError, match="is no llama-server"):
        AttachedServer(url).start()
    assert time.monotonic() - begin_s < 60


class Listening:
    """A socket that sends the same to everybody who connects, and hangs up."""

    def __init__(self, sent: bytes) -> None:
        self._sent = sent
        self._socket = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> str:
        threading.Thread(target=self._serve, daemon=True).start()
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
                with line:
                    line.recv(65_536)
                    line.sendall(self._sent)
            except OSError:
                if self._socket.fileno() < 0:
                    return
