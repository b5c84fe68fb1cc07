"""What is secret in a text is replaced, and nothing else is."""

import pytest

from llamawatt.core.redaction import arguments_without_secrets, without_secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://me:hunter2@host:8080/v1", "http://host:8080/v1"),
        ("http://me:hun@ter2@host/", "http://host/"),
        ("http://me:hun/ter2@host:1/", "http://host:1/"),
        ("https://hunter2@host", "https://host"),
        ("http://me:hunter%402@[::1]:80", "http://[::1]:80"),
        ("me:hunter2@192.0.2.7", "192.0.2.7"),
        ("me:hunter2@plug:80", "plug:80"),
        ("me:hunter2@localhost", "localhost"),
        ("http://host/?key=hunter2&channel=1", "http://host/?key=***&channel=1"),
        ("http://host/?a=1&api_key=hunter2", "http://host/?a=1&api_key=***"),
        ("http://host/cm?user=hunter2&password=hunter2", "http://host/cm?user=***&password=***"),
        ("http://host?X-Amz-Signature=hunter2", "http://host?X-Amz-Signature=***"),
        ("GET http://a:hunter2@h/ and http://b:hunter2@h/", "GET http://h/ and http://h/"),
        ("Authorization: Bearer hunter2", "Authorization: Bearer ***"),
        ("authorization: Basic aHVudGVyMg==", "authorization: Basic ***"),
        ("bearer hunter2hunter2", "bearer ***"),
        ("x-api-key: hunter2hunter2", "x-api-key: ***"),
        ("Incorrect API key provided: sk-hunter2hunter2", "Incorrect API key provided: sk-***"),
        ("hf_hunter2hunter2 was refused", "hf_*** was refused"),
    ],
)
def test_secrets_are_hidden(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
    assert without_secrets(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8080/v1",
        "http://host:8080/models/x@y.gguf",
        "hf:OWNER/REPO/FILE@main",
        "llama3:8b@sha256",
        "12:30:11 me@host.example",
        "key: value",
        "cached_tokens: 123456789012345",
        "http://plug/rpc/Switch.GetStatus?id=0",
        "a basic settings page, the author of it",
        "",
    ],
)
def test_what_is_not_secret_stays(text: str) -> None:
    assert without_secrets(text) == text


def test_known_secrets_are_hidden_wherever_they_stand() -> None:
    assert (
        without_secrets("wrong key: abc, abcdef!", ("abc", "abcdef", "")) == "wrong key: ***, ***!"
    )


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["--api-key", "x", "--quick"], ["--api-key", "***", "--quick"]),
        (["--api-key=x"], ["--api-key=***"]),
        (["--api-key", "--secret", "y"], ["--api-key", "***", "y"]),
        (["--url", "http://a:b@c"], ["--url", "http://c"]),
        (["--wall=http://a:b@c"], ["--wall=http://c"]),
        (["exec", "--", "x", "--hf-token", "y"], ["exec", "--", "x", "--hf-token", "***"]),
        (
            ["--max-tokens", "128", "-s", "n_threads=4"],
            ["--max-tokens", "128", "-s", "n_threads=4"],
        ),
    ],
)
def test_values_of_secret_options_are_hidden(given: list[str], shown: list[str]) -> None:
    assert arguments_without_secrets(given) == shown
