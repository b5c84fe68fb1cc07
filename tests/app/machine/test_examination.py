"""What doctor asks: a server that runs, one that does not, and the machine behind both."""

import sys
from pathlib import Path

import pytest

from llamawatt.app.machine.examination import ask_build
from llamawatt.core.errors import TargetError
from llamawatt.meters.sensors import discover

FAKE = f"""#!/bin/sh
exec {sys.executable} -P -m llamawatt.testing.fake_server --gpu "CUDA0: Some GPU" "$@"
"""


@pytest.fixture
def server(tmp_path: Path) -> Path:
    path = tmp_path / "llama-server"
    path.write_text(FAKE)
    path.chmod(0o755)
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
def test_a_server_says_which_gpu_it_can_use(server: Path) -> None:
    found = ask_build(server, wake=True)
    assert found.runs
    assert "Some GPU" in found.gpu
    assert found.why_not == ""


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
def test_a_server_of_the_user_s_that_does_not_run_is_an_error(server: Path) -> None:
    server.write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(TargetError):
        ask_build(server, wake=True)


def test_a_gpu_that_sleeps_is_left_asleep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discover, "any_suspended", lambda _root: True)
    assert "--wake" in ask_build(tmp_path / "never-started", wake=False).why_not
