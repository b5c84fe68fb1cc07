"""A server that misbehaves fails its trials in its own words, and the command ends in time."""

import json
import time
from pathlib import Path

import pytest

from tests.e2e.command import llamawatt
from tests.targets.fakes import running

pytestmark = [pytest.mark.serial, pytest.mark.timeout(240)]

LITTLE = ("--suite", "pp32+tg16", "--quick", "--budget", "6s", "--seed", "1", "--no-report")


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (("--fault", "crash-midway"), 4, "broke off"),
        (("--fault", "cut-midway"), 4, "broke off"),
        (("--fault", "error-midway"), 4, "out of slots"),
        (("--fault", "error-inside"), 4, "out of slots"),
        (("--fault", "endless"), 4, "MiB"),
        (("--fault", "html-500"), 4, "500"),
        (("--fault", "redirect"), 4, "redirects"),
        (("--quirk", "n_more=1000000000"), 4, "cannot be"),
        (("--quirk", "times=nan"), 0, ""),
        (("--quirk", "times=negative"), 0, ""),
        (("--quirk", "n_more=3"), 0, ""),
    ],
)
def test_a_server_that_misbehaves(
    tmp_path: Path, flags: tuple[str, ...], code: int, words: str
) -> None:
    begin_s = time.monotonic()
    with running(*flags) as url:
        done = llamawatt("bench", *LITTLE, "--url", url, "--out", "run", "--json", cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "fault of llamawatt" not in done.stderr
    assert time.monotonic() - begin_s < 150
    if code == 0:
        (result,) = json.loads(done.stdout)["results"]
        assert set(result["flags"]) & {"server_times_impossible", "length_not_fixed"}
        speed = result["metrics"].get("decode_tok_per_s")
        assert speed is None or speed["value"] > 0
