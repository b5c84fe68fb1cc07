"""`doctor` tells what can be measured here, whatever else does not work."""

import json
from pathlib import Path

from tests.e2e.command import llamawatt


def test_it_tells_meters_devices_and_noise_as_json(tmp_path: Path) -> None:
    done = llamawatt("doctor", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["domains"]
    assert said["llama_cpp"]["runs"]
    assert said["llama_cpp"]["gpu"] or said["llama_cpp"]["why_not"]
    assert isinstance(said["noise"], list)


def test_a_llama_cpp_that_does_not_load_hides_no_meter(tmp_path: Path) -> None:
    (tmp_path / "xllamacpp.py").write_text("raise ImportError('built for another processor')")
    done = llamawatt("doctor", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "built for another processor" in done.stdout
    assert "cpu-package-0" in done.stdout


def test_a_server_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    done = llamawatt("doctor", "--server", "no-such-server", cwd=tmp_path)
    assert done.returncode == 2
    assert "no-such-server is not there" in done.stderr
