"""Certificates are checked; which are trusted, and whether, is the user's to say."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from llamawatt.core.errors import TargetError
from llamawatt.core.flags import Flag
from llamawatt.targets.access import Access
from llamawatt.targets.attach import AttachedServer
from llamawatt.targets.client import Client
from tests.targets.fakes import running
from tests.targets.test_client import TEXT

OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="makes a certificate with openssl")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    made, key = folder / "cert.pem", folder / "key.pem"
    command = f"{OPENSSL} req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    alternative = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(
        [*command.split(), *alternative, "-keyout", str(key), "-out", str(made)],
        check=True,
        capture_output=True,
    )
    return made, key


@pytest.fixture
def url(certificate: tuple[Path, Path]) -> Iterator[str]:
    made, key = certificate
    with running("--ssl-cert-file", str(made), "--ssl-key-file", str(key)) as plain:
        yield plain.replace("http:", "https:")


def test_a_certificate_that_nobody_vouches_for_is_refused_with_the_cure(url: str) -> None:
    with pytest.raises(TargetError, match=r"(?i)certificate.*--ca-file FILE, or .*--insecure"):
        AttachedServer(url).start()


def test_a_certificate_that_the_user_trusts_is_taken(
    url: str, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert AttachedServer(url, access=Access(ca_file=certificate[0])).start().flags == ()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    endpoint = AttachedServer(url).start()
    assert endpoint.flags == ()
    with Client(endpoint) as client:
        assert client.run([TEXT])[0].n_generated == 40


def test_any_certificate_is_taken_where_the_user_says_so_and_results_are_marked(url: str) -> None:
    endpoint = AttachedServer(url, access=Access(insecure=True)).start()
    assert endpoint.flags == (Flag.TLS_UNCHECKED,)
    with Client(endpoint) as client:
        assert client.run([TEXT])[0].n_generated == 40


def test_http_where_https_is_spoken_is_said(url: str) -> None:
    with pytest.raises(TargetError, match="takes connections and gives no answer"):
        AttachedServer(url.replace("https:", "http:")).start()


def test_https_where_http_is_spoken_is_said() -> None:
    with running() as plain, pytest.raises(TargetError, match="speaks TLS: http or https"):
        AttachedServer(plain.replace("http:", "https:")).start()
