"""Models of other programs are found by the folders that they keep, and run by their names."""

import hashlib
import json
import os
import sys
from pathlib import Path

import huggingface_hub.constants
import pytest

from llamawatt.core.errors import ModelError
from llamawatt.models.fetch.catalog import resolve_model
from llamawatt.models.fetch.local import OLLAMA_MODEL, LocalModel, find_local, match_local
from llamawatt.models.gguf.inspect import inspect_model
from tests.models.gguf.test_parts import split
from tests.models.ggufs import write_model

TENSORS = {"output.weight": ((8, 64), "Q8_0")}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("OLLAMA_MODELS", "LLAMA_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "home/hf"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_model(path, TENSORS)


def ollama(models: Path, where: str, media: str = OLLAMA_MODEL) -> Path:
    """Store a model as Ollama does: a manifest by name, the file by its hash."""
    whole = made(models / "blobs" / "new")
    digest = hashlib.sha256(whole.read_bytes() + where.encode()).hexdigest()
    blob = whole.rename(models / "blobs" / f"sha256-{digest}")
    manifest = models / "manifests" / where
    manifest.parent.mkdir(parents=True, exist_ok=True)
    layers = [
        {"mediaType": "application/vnd.ollama.image.template", "digest": f"sha256:{'0' * 64}"},
        {"mediaType": media, "digest": f"sha256:{digest}"},
    ]
    manifest.write_text(json.dumps({"schemaVersion": 2, "layers": layers}))
    return blob


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("registry.ollama.ai/library/llama3.2/1b", "ollama:llama3.2:1b"),
        ("registry.ollama.ai/someone/tiny/latest", "ollama:someone/tiny:latest"),
        ("hf.co/bartowski/Qwen-GGUF/Q4_K_M", "ollama:hf.co/bartowski/Qwen-GGUF:Q4_K_M"),
    ],
)
def test_ollama_s_models_have_their_own_names(home: Path, where: str, name: str) -> None:
    blob = ollama(home / ".ollama/models", where)
    assert find_local(home) == (LocalModel(name, blob, blob.stat().st_size),)
    for reference in (name, name.removeprefix("ollama:"), name.upper()):
        file = resolve_model(reference)
        assert (file.path, file.source) == (blob, name)
        assert not set(file.name) & set(":/\\")


def test_ollama_s_service_and_folder_of_choice(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = tmp_path / "usr/share/ollama/.ollama/models"
    ollama(service, "registry.ollama.ai/library/served/1b")
    assert [each.name for each in find_local(home, tmp_path)] == ["ollama:served:1b"]
    ollama(tmp_path / "chosen", "registry.ollama.ai/library/chosen/1b")
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "chosen"))
    assert [each.name for each in find_local(home, tmp_path)] == ["ollama:chosen:1b"]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"layers": 3}', '{"layers": [{"mediaType": "x"}]}', '{"layers": []}',
     json.dumps({"layers": [{"mediaType": OLLAMA_MODEL, "digest": "sha256:../../etc/passwd"}]}),
     json.dumps({"layers": [{"mediaType": OLLAMA_MODEL, "digest": f"sha256:{'1' * 64}"}]})],
)  # fmt: skip
def test_manifests_of_nothing_are_passed_over(home: Path, content: str) -> None:
    manifest = home / ".ollama/models/manifests/registry.ollama.ai/library/cloud/latest"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(content)
    assert find_local(home) == ()


@pytest.mark.parametrize("folder", [".lmstudio/models", ".cache/lm-studio/models"])
def test_lm_studio_s_models_without_projectors_and_later_parts(home: Path, folder: str) -> None:
    plain = made(home / folder / "pub/repo/m-Q8_0.gguf")
    made(home / folder / "pub/repo/mmproj-m-f16.gguf")
    (home / folder / "pub/big").mkdir()
    parts = split(home / folder / "pub/big", 2)
    names = {each.name: each for each in find_local(home)}
    assert set(names) == {"lmstudio:pub/repo/m-Q8_0.gguf", f"lmstudio:pub/big/{parts[0].name}"}
    big = names[f"lmstudio:pub/big/{parts[0].name}"]
    assert big.size_bytes == sum(path.stat().st_size for path in parts)
    assert inspect_model(big.file.path).files == tuple(parts)
    assert resolve_model("pub/repo/m-Q8_0.gguf").path == plain


def test_the_hub_s_cache_names_a_revision_only_where_it_must(home: Path) -> None:
    repository = home / "hf/models--owner--repo-GGUF"
    made(repository / "snapshots/aaa/m.gguf")
    made(repository / "snapshots/bbb/sub/m.gguf")
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text("aaa")
    names = [each.name for each in find_local(home)]
    assert names == ["hf:owner/repo-GGUF/m.gguf", "hf:owner/repo-GGUF/sub/m.gguf@bbb"]
    for name in names:
        assert resolve_model(name).source == name


def test_llama_cpp_s_own_cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMA_CACHE", str(home / "cache"))
    path = made(home / "cache/ggml-org_tiny_m.gguf")
    assert resolve_model("llama.cpp:ggml-org_tiny_m.gguf").path == path


def test_a_name_that_two_programs_have_is_asked_about(home: Path) -> None:
    one, two = (LocalModel(f"{who}:m:1b", home, 1) for who in ("ollama", "other"))
    with pytest.raises(ModelError, match="Several") as caught:
        match_local("m:1b", [one, two])
    assert "ollama:m:1b, other:m:1b" in caught.value.remedy
    assert match_local("other:m:1b", [one, two]) is two
    assert match_local("n", [one, two]) is None


def test_a_misspelt_name_is_met_with_the_nearest(home: Path) -> None:
    ollama(home / ".ollama/models", "registry.ollama.ai/library/llama3.2/1b")
    for wrong in ("llama3.2:1bb", "ollama:llama3:1b", "lama3.2:1b"):
        with pytest.raises(ModelError, match="There is no model") as caught:
            resolve_model(wrong)
        assert "llama3.2:1b? " in caught.value.remedy


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_may_not_be_read_is_passed_over(home: Path) -> None:
    made(home / ".lmstudio/models/pub/repo/m.gguf")
    (home / ".lmstudio/models").chmod(0)
    assert find_local(home) == ()
    (home / ".lmstudio/models").chmod(0o755)
