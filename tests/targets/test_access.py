"""A URL is taken apart into a bare address and what lets a client in; nothing of that is shown."""

from pathlib import Path

import pytest

from llamawatt.core.errors import UsageError
from llamawatt.targets.access import Access, api_key_of, certificates, reach


@pytest.mark.parametrize(
    ("url", "bare", "login", "query"),
    [
        ("http://h:8080", "http://h:8080", None, ()),
        ("http://h/v1/", "http://h", None, ()),
        ("https://h/gateway/v1", "https://h/gateway", None, ()),
        ("http://me:pa%40ss@[::1]:80/v1", "http://[::1]:80", ("me", "pa@ss"), ()),
        ("http://token@h", "http://h", ("token", ""), ()),
        ("http://h/v1?key=a%20b&x=", "http://h", None, (("key", "a b"), ("x", ""))),
    ],
)
def test_a_url_is_taken_apart(
    url: str, bare: str, login: tuple[str, str] | None, query: tuple[tuple[str, str], ...]
) -> None:
    assert reach(url) == (bare, Access(login=login, query=query))


def test_what_lets_in_is_not_shown() -> None:
    _, access = reach("http://me:hunter2@h?k=hunter3", Access("hunter1"))
    assert "hunter" not in repr(access)
    assert access.hidden("no hunter2 nor hunter1 nor hunter3 here") == "no *** nor *** nor *** here"
    assert access.is_shown
    assert not Access(insecure=True).is_shown


@pytest.mark.parametrize(
    "url", ["h:8080", "ftp://h", "http://", "http://[::1", "http://h:port", "http://h\r\nx", ""]
)
def test_what_is_no_url_is_an_error(url: str) -> None:
    with pytest.raises(UsageError, match=r"is no URL.*Write it as"):
        reach(url)


def test_a_key_is_a_bearer_token_and_stands_beside_a_login() -> None:
    assert Access("k").headers() == {"authorization": "Bearer k"}
    assert Access("k", login=("a", "b")).headers() == {"x-api-key": "k"}
    assert Access().headers() == {}


@pytest.mark.parametrize(
    ("given", "url", "environment", "key"),
    [
        ("a", "http://h", {"LLAMAWATT_API_KEY": "b", "OPENAI_API_KEY": "c"}, "a"),
        ("", "http://h", {"LLAMAWATT_API_KEY": "b", "OPENAI_API_KEY": "c"}, "b"),
        ("", "https://h", {"OPENAI_API_KEY": "c\n"}, "c"),
        ("", "http://127.0.0.1:1", {"OPENAI_API_KEY": "c"}, "c"),
        ("", "http://h", {"OPENAI_API_KEY": "c"}, ""),
        ("", "http://h", {}, ""),
    ],
)
def test_where_a_key_comes_from(
    given: str, url: str, environment: dict[str, str], key: str
) -> None:
    assert api_key_of(given, url, environment) == key


@pytest.mark.parametrize("url", ["http://me:hunter2@[::1", "nonsense"])
def test_no_key_is_looked_for_where_the_url_is_none(url: str) -> None:
    with pytest.raises(UsageError, match="is no URL") as raised:
        api_key_of("", url, {})
    assert "hunter2" not in str(raised.value)


def test_certificates_that_cannot_be_read_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "ca.pem"
    with pytest.raises(UsageError, match=r"ca.pem could not be read .*--ca-file"):
        certificates(Access(ca_file=broken))
    broken.write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(broken))
    with pytest.raises(UsageError, match=r"ca.pem could not be read"):
        certificates(Access())
