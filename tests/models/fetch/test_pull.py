"""Pulls against a hub on loopback: cut, wrong, refused, resumed, verified before it has a name."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub.constants
import numpy as np
import pytest

from llamawatt.core.errors import ModelError
from llamawatt.models import cache
from llamawatt.models.fetch import download
from llamawatt.models.fetch.catalog import resolve_model
from llamawatt.models.fetch.hub import parse_reference
from llamawatt.models.fetch.pull import pull_hub, pull_url
from llamawatt.models.gguf.inspect import inspect_model
from tests.models.gguf.test_parts import split
from tests.models.ggufs import write_model
from tests.models.hubserver import FILE, REPOSITORY, TOKEN, Behaviour, serving

REFERENCE = f"hf:{REPOSITORY}/{FILE}"


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    path = write_model(tmp_path / "source.gguf", {"token_embd.weight": ((512, 256), "Q8_0")})
    whole = bytearray(path.read_bytes())
    noise = np.random.default_rng(1).integers(0, 256, 100_000, dtype=np.uint8).tobytes()
    whole[-len(noise) :] = noise
    return bytes(whole)


@pytest.fixture
def hub(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Behaviour, str]]:
    behaviour = Behaviour(content)
    monkeypatch.setenv("LLAMAWATT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "PAUSE_S", 0.0)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with serving(behaviour) as address:
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
        template = address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "theirs"))
        yield behaviour, address


def named_files(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / "cache").rglob("*.gguf")]


def test_a_pull_is_whole_hashed_and_heard_of(hub, content):
    behaviour, _ = hub
    heard: list[tuple[str, int, int | None]] = []
    file = pull_hub(REFERENCE, progress=lambda *args: heard.append(args))
    assert file.path.read_bytes() == content
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    assert heard[-1] == (REFERENCE, len(content), len(content))
    assert file.source == REFERENCE
    n_asked = len(behaviour.requests)
    assert pull_hub(REFERENCE) == file
    assert len(behaviour.requests) == n_asked, "a file that is here needs no hub"


def test_cut_connections_are_taken_up_where_they_ended(hub, content):
    behaviour, _ = hub
    behaviour.cut_after = [50_000, 10_000]
    assert pull_hub(REFERENCE).path.read_bytes() == content
    ranges = [headers.get("range") for headers in behaviour.asked("GET", "/blob")]
    assert ranges == [None, "bytes=50000-", "bytes=60000-"]


def test_a_pull_that_died_is_taken_up_by_the_next(hub, content, tmp_path, monkeypatch):
    behaviour, _ = hub
    monkeypatch.setattr(download, "N_ATTEMPTS", 1)
    behaviour.cut_after = [50_000, 0]
    with pytest.raises(ModelError, match="goes on from there"):
        pull_hub(REFERENCE)
    assert named_files(tmp_path) == []
    behaviour.requests.clear()
    assert pull_hub(REFERENCE).path.read_bytes() == content
    assert behaviour.asked("GET", "/blob")[0]["range"] == "bytes=50000-"


def test_a_server_without_ranges_starts_again(hub, content):
    behaviour, _ = hub
    behaviour.ranges, behaviour.cut_after = False, [50_000]
    assert pull_hub(REFERENCE).path.read_bytes() == content


def test_wrong_bytes_get_no_name_and_are_thrown_away(hub, content, tmp_path):
    behaviour, _ = hub
    behaviour.served = content[:-1] + bytes([content[-1] ^ 1])
    with pytest.raises(ModelError, match=r"has SHA-256 .* published is"):
        pull_hub(REFERENCE)
    assert named_files(tmp_path) == []
    assert not list((tmp_path / "cache").rglob("*.part"))
    behaviour.served = b""
    assert pull_hub(REFERENCE).path.read_bytes() == content


@pytest.mark.parametrize("change", [lambda b: b[:-100], lambda b: b + b"more"])
def test_another_length_than_published_is_refused(hub, content, tmp_path, change):
    behaviour, _ = hub
    behaviour.served = change(content)
    with pytest.raises(ModelError, match="are published"):
        pull_hub(REFERENCE)
    assert named_files(tmp_path) == []


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (401, "RepoNotFound", "misspelt or private.*HF_TOKEN"),
        (401, "GatedRepo", "is gated.*HF_TOKEN"),
        (403, "GatedRepo", "is gated.*HF_TOKEN"),
        (404, "EntryNotFound", "has no file"),
        (404, "RevisionNotFound", "has no file .* at main"),
        (404, "RepoNotFound", "no repository"),
        (429, "", "HTTP 429.*Too many requests; try again in 7 s"),
        (503, "", "HTTP 503.*later"),
    ],
)
def test_refusals_of_the_hub_are_told_with_a_remedy(hub, tmp_path, status, code, says):
    behaviour, _ = hub
    behaviour.head_status, behaviour.error_code, behaviour.retry_after = status, code, "7"
    with pytest.raises(ModelError, match=says):
        pull_hub(REFERENCE)
    assert named_files(tmp_path) == []


def test_storage_that_is_busy_is_asked_again(hub, content):
    behaviour, _ = hub
    behaviour.refusals, behaviour.retry_after = [429, 503], "0"
    assert pull_hub(REFERENCE).path.read_bytes() == content


def test_a_long_retry_after_is_told_and_not_waited_for(hub):
    behaviour, _ = hub
    behaviour.refusals, behaviour.retry_after = [429], "3600"
    with pytest.raises(ModelError, match="asks to wait 3600 s"):
        pull_hub(REFERENCE)


@pytest.mark.parametrize("status", [401, 404])
def test_storage_that_refuses_is_told(hub, status):
    behaviour, _ = hub
    behaviour.refusals = [status]
    with pytest.raises(ModelError, match=f"HTTP {status}"):
        pull_hub(REFERENCE)


def test_no_hash_no_file(hub):
    behaviour, _ = hub
    behaviour.linked_etag = "ab" * 20
    with pytest.raises(ModelError, match="gives no SHA-256"):
        pull_hub(REFERENCE)


def test_the_token_goes_to_the_hub_alone(hub, content, monkeypatch):
    behaviour, _ = hub
    behaviour.needs_token = True
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert pull_hub(REFERENCE).path.read_bytes() == content
    hub_requests = behaviour.asked("GET", f"/{REPOSITORY}")
    assert hub_requests[0]["authorization"] == f"Bearer {TOKEN}"
    assert "authorization" not in behaviour.asked("GET", "/blob")[0]


def test_a_full_disk_is_told_before_anything_is_written(hub, tmp_path, monkeypatch):
    full = SimpleNamespace(free=1000)
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda _: full)
    with pytest.raises(ModelError, match="are needed"):
        pull_hub(REFERENCE)
    assert named_files(tmp_path) == []
    assert not list((tmp_path / "cache").rglob("*.part"))


def test_a_hub_that_is_not_there_is_told(hub, monkeypatch):
    template = "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    with pytest.raises(ModelError, match="was not reached"):
        pull_hub(REFERENCE)


def test_a_url_is_fetched_once_and_its_hash_is_a_condition(hub, content):
    behaviour, address = hub
    sha256 = hashlib.sha256(content).hexdigest()
    behaviour.cut_after = [70_000]
    url = f"{address}/files/{FILE}"
    file = resolve_model(f"{url}#sha256={sha256}")
    assert file.path.read_bytes() == content
    assert file.name == "tiny.Q8_0"
    n_asked = len(behaviour.requests)
    assert resolve_model(url).path == file.path
    assert len(behaviour.requests) == n_asked
    with pytest.raises(ModelError, match="not 0000"):
        pull_url(f"{url}#sha256={'0' * 64}")


def test_a_url_with_wrong_bytes_gets_no_name(hub, tmp_path):
    behaviour, address = hub
    with pytest.raises(ModelError, match="published is 0000"):
        pull_url(f"{address}/files/{FILE}#sha256={'0' * 64}")
    behaviour.content = b"<html>sign in</html>"
    with pytest.raises(ModelError, match="no GGUF"):
        pull_url(f"{address}/files/{FILE}")
    assert named_files(tmp_path) == []


def test_a_truncated_url_gets_no_name(hub, content, tmp_path):
    behaviour, address = hub
    behaviour.content = content[:-5000]
    with pytest.raises(ModelError, match="cut short"):
        pull_url(f"{address}/files/{FILE}")
    assert named_files(tmp_path) == []


@pytest.mark.parametrize(
    "reference", ["hf:owner/file.gguf", "hf:o/r/../x.gguf", "hf:o/r/x.bin", "hf:", "hf:o/r//x.gguf"]
)
def test_references_that_name_no_file_are_refused(reference):
    with pytest.raises(ModelError, match="names no file of the hub"):
        parse_reference(reference)


def test_the_command_obeys_the_hubs_environment(hub, content, tmp_path):
    behaviour, address = hub
    behaviour.needs_token = True
    environment = os.environ | {
        "HF_ENDPOINT": address,
        "HF_TOKEN": TOKEN,
        "HF_HOME": str(tmp_path / "home"),
    }
    room = "llamawatt.models.fetch.catalog"
    code = f"from {room} import resolve_model as r; print(r({REFERENCE!r}).path)"
    command = [sys.executable, "-c", code]
    unplugged = environment | {"HF_HUB_OFFLINE": "1"}
    offline = subprocess.run(command, env=unplugged, capture_output=True, text=True, check=False)
    assert "offline mode is on" in offline.stderr
    assert behaviour.requests == []
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).read_bytes() == content


@pytest.fixture
def parts(hub, tmp_path) -> list[Path]:
    behaviour, _ = hub
    (tmp_path / "published").mkdir()
    made = split(tmp_path / "published", 3)
    behaviour.others = {path.name: path.read_bytes() for path in made}
    return made


def test_all_parts_come_with_the_first(hub, parts):
    behaviour, address = hub
    for reference in (
        f"hf:{REPOSITORY}/{parts[0].name}",
        f"{address}/files/{parts[0].name}",
        f"{address}/files/{parts[0].name}?download=true",
    ):
        file = resolve_model(reference)
        facts = inspect_model(file.path)
        assert [path.read_bytes() for path in facts.files] == list(behaviour.others.values())
        n_asked = len(behaviour.requests)
        assert resolve_model(reference) == file
        assert len(behaviour.requests) == n_asked, "parts that are here need no net"


@pytest.mark.parametrize("number", [1, 2])
def test_a_middle_part_is_refused_before_anything_is_asked(hub, parts, number):
    behaviour, address = hub
    for reference in (
        f"hf:{REPOSITORY}/{parts[number].name}",
        f"{address}/files/{parts[number].name}",
    ):
        with pytest.raises(ModelError, match=f"part {number + 1} of 3") as caught:
            resolve_model(reference)
        assert parts[0].name in caught.value.remedy
    assert behaviour.requests == []


def test_a_part_that_is_not_published_is_named(hub, parts):
    behaviour, address = hub
    del behaviour.others[parts[2].name]
    with pytest.raises(ModelError, match=f"has no file {parts[2].name}"):
        resolve_model(f"hf:{REPOSITORY}/{parts[0].name}")
    with pytest.raises(ModelError, match=f"{parts[2].name} answered HTTP 404"):
        resolve_model(f"{address}/files/{parts[0].name}")
