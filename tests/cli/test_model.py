"""The model and quality commands: pure JSON on stdout, errors in one sentence."""

import json

import pytest
import typer
from typer.testing import CliRunner

from llamawatt.cli.model import app
from llamawatt.cli.quality import quality
from llamawatt.core.errors import LlamawattError, ModelError, UsageError
from llamawatt.models.file import sha256_of
from tests.models.gguf.test_parts import split
from tests.models.ggufs import write_model

quality_app = typer.Typer()
quality_app.command()(quality)


def run(*arguments, of=app):
    found = CliRunner().invoke(of, [str(argument) for argument in arguments])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found.stdout


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LLAMAWATT_CACHE", str(tmp_path / "cache"))


def test_the_list_names_models_and_shapes():
    found = json.loads(run("list", "--json"))
    assert [entry["name"] for entry in found["models"]] == ["smollm2-135m", "tinyllama"]
    assert "tinyllama-1.1b" in found["shapes"]
    said = run("list")
    assert "tinyllama:Q4_0" in said
    assert "Q4_K_M" in said


def test_inspect_says_the_same_in_words_and_in_json(tmp_path):
    tensors = {"token_embd.weight": ((64, 32), "Q8_0"), "output.weight": ((64, 32), "Q8_0")}
    path = write_model(tmp_path / "tiny.Q2_K.gguf", tensors, n_vocab=64)
    found = json.loads(run("inspect", path, "--json"))
    assert found["n_params"] == 2 * 64 * 32
    assert found["bits_per_weight"] == 8.5
    assert found["bytes_per_token"] == (64 + 1) * 34, "the output, and one row of the embedding"
    assert len(found["sha256"]) == 64
    said = run("inspect", path)
    assert "8.50" in said
    assert "4,096" in said
    assert "warning: The name says Q2_K, but no tensor is Q2_K" in said


def test_inspect_shows_the_cache_within_and_beyond_the_window(tmp_path):
    facts = {"block_count": 12, "embedding_length": 2048, "attention.head_count": 4}
    facts |= {"attention.head_count_kv": 1, "attention.key_length": 256}
    facts |= {"attention.value_length": 256, "attention.sliding_window": 512}
    said = {f"gemma3.{key}": value for key, value in facts.items()}
    tensors = {"output.weight": ((64, 32), "Q8_0")}
    path = write_model(tmp_path / "g.gguf", tensors, said, None, "gemma3")
    found = json.loads(run("inspect", path, "--json"))
    assert found["kv_bytes_per_token"]["f16"] == 12_288
    assert found["kv_bytes_per_token_beyond"]["f16"] == 2_048
    assert found["n_kv_window"] == 512
    assert "12,288 B at f16" in run("inspect", path)
    assert "up to 512 tokens; then 2,048 B at f16" in run("inspect", path)


def test_inspect_says_what_does_not_generate(tmp_path):
    path = write_model(tmp_path / "vocab.gguf", {}, n_vocab=8)
    assert "It does not generate text: it holds a vocabulary alone." in run("inspect", path)
    found = json.loads(run("inspect", path, "--json"))
    assert found["not_generating"] == "it holds a vocabulary alone"
    assert found["bytes_per_token"] is None


def test_the_hash_and_the_size_are_of_all_parts(tmp_path):
    paths = split(tmp_path, 3)
    found = json.loads(run("pull", paths[0], "--json"))
    assert found["size_bytes"] == sum(path.stat().st_size for path in paths)
    assert found["sha256"] != sha256_of(paths[0])
    assert "3 parts" in run("inspect", paths[0])
    with pytest.raises(ModelError, match="part 2 of 3"):
        run("inspect", paths[1])


def test_pull_prints_where_a_file_is(tmp_path):
    path = write_model(tmp_path / "a.gguf", {"token_embd.weight": ((64, 32), "F16")})
    assert run("pull", path) == f"{path}\n"
    assert json.loads(run("pull", path, "--json"))["path"] == str(path)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (("inspect", "nowhere.gguf"), ModelError, "cannot be read"),
        (("pull", "hf:owner/repo"), ModelError, "names no file of the hub"),
        (("synth", "tinyllama-1.1b", "--type", "Q9_0"), ModelError, "no quantisation"),
        (("synth", "gpt-17"), ModelError, "no shape"),
    ],
)
def test_bad_input_is_told(arguments, error, says):
    with pytest.raises(error, match=says):
        run(*arguments)


def test_synth_does_not_replace_a_file(tmp_path):
    path = tmp_path / "there.gguf"
    path.write_text("mine")
    with pytest.raises(UsageError, match="there already"):
        run("synth", "qwen2.5-0.5b", "-o", path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere.gguf",), "cannot be read"),
        (("a.gguf", "--text", "nowhere.txt"), "cannot be read"),
        (("a.gguf", "--library", "/nowhere"), "no libllama at /nowhere"),
        (("a.gguf", "--binary", "/nowhere/llama-perplexity"), "no libllama at /nowhere"),
    ],
)
def test_quality_refuses_bad_input(arguments, says):
    with pytest.raises(LlamawattError, match=says):
        run(*arguments, of=quality_app)
