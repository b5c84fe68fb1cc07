"""`study run --quality`, from the command line to `quality.json`, with a real llama.cpp."""

from pathlib import Path

import pytest

from llamawatt.models.gguf.inspect import SYNTHETIC_KEY
from llamawatt.models.make.shapes import SHAPES, ModelShape
from llamawatt.models.make.synth import synthesize
from llamawatt.runs.store import read_run
from tests.e2e.command import llamawatt

TINY = ModelShape("llama", 1, 64, 64, 2, 1, 2048, 512, 10000.0)

pytestmark = [pytest.mark.serial, pytest.mark.timeout(240)]

STUDY = """\
name: small
suites: [asked.jsonl]
groups:
  - name: cache
    set: {n_ctx: 256, cache_type_v: =cache_type_k, flash_attn: "on"}
    grid:
      cache_type_k: [f16, q4_0]
protocol:
  {window_min_s: 0, periods_min: 1, idle_s: 0, cool_down_s: 0, n_warm_up: 0, repeats_min: 1,
   repeats_max: 1, n_prompts: 1}
"""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny model that does not say that its weights are random, so that it is judged."""
    monkeypatch.setenv("LLAMAWATT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(SHAPES, "tiny", TINY)
    path = tmp_path / "tiny.gguf"
    synthesize("tiny", "F16", path)
    silent = SYNTHETIC_KEY[:-1].encode() + b"_"
    path.write_bytes(path.read_bytes().replace(SYNTHETIC_KEY.encode(), silent))
    (tmp_path / "small.yaml").write_text(STUDY)
    (tmp_path / "asked.jsonl").write_text('{"prompt": "Why is the sky blue?", "n_predict": 4}')
    return path


def test_each_cache_setting_is_judged_once_and_kept(tmp_path: Path, model: Path) -> None:
    order = ("study", "run", "small.yaml", "-m", str(model), "--no-report")
    done = llamawatt(*order, "--quality", "--out", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    plain, coarse = read_run(tmp_path / "run").quality
    assert (plain.cache_type_k, coarse.cache_type_k, coarse.cache_type_v) == ("f16", "q4_0", "q4_0")
    assert plain.kld == pytest.approx(0, abs=1e-9)
    assert coarse.kld > 1e-6
    assert coarse.n_ctx == TINY.n_ctx
    assert coarse.reference == "tiny at f16 cache with flash attention"
    kept = {path.name for path in (tmp_path / "cache" / "quality").glob("*.json")}
    assert len(kept) == 2

    again = llamawatt(*order, "--quality", "--resume", "run", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "chunks" not in again.stderr, "nothing is judged again"
    assert read_run(tmp_path / "run").quality == (plain, coarse)


def test_nothing_is_judged_where_that_was_declined(tmp_path: Path, model: Path) -> None:
    order = ("study", "run", "small.yaml", "-m", str(model), "--no-report", "--no-quality")
    done = llamawatt(*order, "--out", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert read_run(tmp_path / "run").quality == ()


def test_a_model_behind_a_server_is_refused(tmp_path: Path) -> None:
    done = llamawatt("study", "run", "cache", "--quality", "--url", "http://127.0.0.1:9",
                     cwd=tmp_path)  # fmt: skip
    assert done.returncode == 2
    assert "cannot be judged" in done.stderr
