"""The main job on a real model, a real llama.cpp, real clocks and whatever meters are here."""

import json
import os
import random
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from llamawatt.core.flags import Flag
from llamawatt.core.trials import Status
from llamawatt.runs.store import read_run
from tests.e2e.command import llamawatt, marked, start

pytestmark = [pytest.mark.serial, pytest.mark.timeout(240)]

LITTLE = (*("--suite", "pp32+tg16", "--device", "cpu", "--quick", "--budget", "8s", "--seed", "1"),)


def test_quick_bench_as_json(tmp_path: Path) -> None:
    done = llamawatt("bench", *LITTLE, "--json", "--out", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    (result,) = said["results"]
    assert result["metrics"]["j_per_token"]["value"] > 0
    assert result["metrics"]["decode_tok_per_s"]["value"] > 0
    summed = [part for part in result["energy"].values() if part["in_total"]]
    assert summed
    run = read_run(tmp_path / "run")
    assert run.trials
    for trial in run.trials:
        assert trial.status is Status.OK
        assert {request.n_generated for request in trial.requests} == {16}
        assert {request.n_prompt for request in trial.requests} == {32}
        assert trial.load is not None
        # A machine that is never quiet has no bare idle, and says so.
        assert "bare" in trial.idle or {Flag.IDLE_BUSY, Flag.IDLE_UNSETTLED} & set(trial.flags)
        assert "model" in trial.idle or Flag.IDLE_BUSY in trial.flags
        assert trial.requests[0].timed_by["decode_s"] == "server"


def test_the_table_says_in_words_what_is_modelled(tmp_path: Path) -> None:
    done = llamawatt("bench", *LITTLE, "--out", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    words = " ".join(done.stdout.split())
    if "model" in json.dumps([d.method for d in read_run(tmp_path / "run").machine.domains]):
        assert "odelled, not measured" in words or "mixes measured and modelled" in words
        assert "~" in words
    lines = [line for line in done.stdout.splitlines() if not line.startswith("run:")]
    assert max(map(len, lines)) <= 80


def test_exec_is_like_time_for_energy(tmp_path: Path) -> None:
    done = llamawatt("exec", "--json", "--", "sleep", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert 2.0 <= said["duration_s"] < 4.0
    for part in said["energy"].values():
        assert part["energy_j"] > 0
        assert part["uncertainty_j"] >= 0
        assert part["method"] in {"counter", "integral", "model"}


def test_exec_passes_on_output_and_exit_code(tmp_path: Path) -> None:
    script = "import sys; print('out'); sys.exit(7)"
    done = llamawatt("exec", "--idle", "0", "--", sys.executable, "-c", script, cwd=tmp_path)
    assert done.returncode == 7
    assert done.stdout == "out\n"
    assert re.search(r"\d m?J (±|\(model, [±×])", done.stderr)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_ended_at_any_time_leaves_a_readable_run_and_no_process(
    tmp_path: Path, number: signal.Signals
) -> None:
    rng = random.Random(int(number))
    for attempt in range(4):
        path = tmp_path / f"run-{attempt}"
        mark = f"{number}-{attempt}-{tmp_path.name}"
        child = start(["bench", *LITTLE, "--out", str(path)], tmp_path, mark)
        time.sleep(rng.uniform(0.3, 7.0))
        os.kill(child.pid, number)
        _, said = child.communicate(timeout=60)
        if number is signal.SIGINT and child.returncode != 0:
            assert child.returncode == 130, said
            assert "Traceback" not in said
        if (path / "study.yaml").exists():
            read_run(path)
        deadline_s = time.monotonic() + 10
        while marked(mark) and time.monotonic() < deadline_s:
            time.sleep(0.1)
        assert marked(mark) == []


def test_a_killed_run_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "run"
    child = start(["bench", *LITTLE, "--out", str(path)], tmp_path)
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s and not (
        (path / "trials.jsonl").exists() and (path / "trials.jsonl").stat().st_size
    ):
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate(timeout=60)
    before = read_run(path).trials
    done = llamawatt("bench", *LITTLE, "--resume", str(path), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    after = read_run(path).trials
    assert after[: len(before)] == before
    assert len({trial.trial_id for trial in after}) == len(after) > len(before)

    other = llamawatt("bench", "--suite", "tg16", "--quick", "--resume", str(path), cwd=tmp_path)
    assert other.returncode == 2
    assert "cannot be resumed" in other.stderr
