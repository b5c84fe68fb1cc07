"""A profile is started as it was tuned, and ends with its starter."""

import os
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from llamawatt.app.profiles import launch as run_profile
from llamawatt.app.profiles.launch import (
    Launch,
    Running,
    launches,
    machine_doubt,
    request_advice,
    stay,
)
from llamawatt.app.profiles.profile import VERSION, Profile, ProfileModel
from llamawatt.core.errors import SpecError, TargetError, UsageError


def profile(tmp_path: Path, **changes) -> Profile:
    model = tmp_path / "m.gguf"
    model.write_bytes(b"GGUF")
    settings = {"n_threads": 2, "n_parallel": 4, "n_servers": 2, "env": "A=b", "top_k": 10}
    made = Profile(VERSION, ProfileModel("m", str(model), str(model), ""), settings, "energy")
    return replace(made, **changes)


def test_each_server_has_its_part_of_the_streams_and_its_port(tmp_path):
    first, second = launches(profile(tmp_path), "127.0.0.1", 9000)
    assert (first.url, second.url) == ("http://127.0.0.1:9000", "http://127.0.0.1:9001")
    assert first.command[first.command.index("--parallel") + 1] == "2"
    assert first.variables["A"] == "b"
    assert "LLAMA_API_KEY" not in first.variables


def test_what_requests_carry_is_said(tmp_path):
    assert "top_k=10" in request_advice(profile(tmp_path))
    assert request_advice(profile(tmp_path, settings={})) == ""


def test_a_profile_of_another_machine_is_doubted(tmp_path):
    other = profile(tmp_path, machine_key="x", machine="A CPU")
    assert "another machine (A CPU)" in machine_doubt(other, "y")
    assert machine_doubt(other, "x") == ""


def test_a_model_with_other_content_or_a_lost_server_is_refused(tmp_path):
    lost = profile(tmp_path, server=str(tmp_path / "gone"))
    with pytest.raises(UsageError, match="is not there"):
        launches(lost, "127.0.0.1", 9000)
    made = profile(tmp_path)
    other = replace(made, model=replace(made.model, sha256="0" * 64))
    with pytest.raises(SpecError, match="content differs"):
        launches(other, "127.0.0.1", 9000)


def child(code: str) -> Launch:
    return Launch((sys.executable, "-c", code), dict(os.environ), "http://127.0.0.1:1")


def test_it_ends_with_the_code_of_the_server_that_ended():
    assert stay([child("import time; time.sleep(60)"), child("raise SystemExit(7)")]) == 7


def test_it_ends_all_when_told_to():
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    before = signal.getsignal(signal.SIGTERM)
    assert stay([child("import time; time.sleep(60)")]) == 0
    assert signal.getsignal(signal.SIGTERM) is before


def test_where_one_cannot_be_started_none_is_left(monkeypatch):
    started = []

    def start(launch):
        if started:
            raise TargetError("no")
        started.append(run_profile.subprocess.Popen(launch.command))
        return started[0]

    monkeypatch.setattr(run_profile, "_start", start)
    with pytest.raises(TargetError):
        Running.of([child("import time; time.sleep(60)")] * 2)
    assert started[0].poll() is not None
