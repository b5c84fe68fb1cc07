"""A password or a key that a user types reaches no file, no output and no list of processes."""

import sys
import time
from pathlib import Path

import pytest

from tests.e2e.command import llamawatt, marked, start
from tests.targets.fakes import running

pytestmark = [pytest.mark.serial, pytest.mark.timeout(240)]

SECRET = "hunter2-hunter2"
LITTLE = ("--suite", "pp32+tg16", "--quick", "--budget", "6s", "--seed", "1")


def with_secret(url: str) -> str:
    return url.replace("http://", f"http://me:{SECRET}@") + f"/v1?token={SECRET}"


def files_with_secret(folder: Path) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [str(path) for path in files if SECRET.encode() in path.read_bytes()]


def test_no_secret_reaches_a_run_or_what_is_printed(tmp_path: Path) -> None:
    with running() as url:
        for extra in (("--json",), ("--wall", f"http://me:{SECRET}@127.0.0.1:1")):
            out = tmp_path / extra[0]
            arguments = ("bench", *LITTLE, "--url", with_secret(url), *extra, "--out", str(out))
            done = llamawatt(*arguments, cwd=tmp_path)
            assert SECRET not in done.stdout + done.stderr
            assert "Traceback" not in done.stderr
            if extra == ("--json",):
                assert done.returncode == 0, done.stderr
                told = llamawatt("report", str(out), cwd=tmp_path)
                assert SECRET not in told.stdout + told.stderr
                assert "***" in (out / "study.yaml").read_text("utf-8")
        assert files_with_secret(tmp_path) == []


@pytest.mark.parametrize(
    "url",
    [
        f"http://me:{SECRET}@127.0.0.1:1",
        f"http://me:{SECRET}@[::1",
        f"me:{SECRET}@localhost:8080",
        f"http://127.0.0.1:1?api_key={SECRET}",
        f"ftp://{SECRET}@host",
    ],
)
def test_no_secret_reaches_an_error(tmp_path: Path, url: str) -> None:
    for option in (("--url", url), (url,)):
        done = llamawatt("bench", *LITTLE, *option, cwd=tmp_path)
        assert done.returncode in (2, 4)
        assert SECRET not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_no_secret_stays_in_the_list_of_processes(tmp_path: Path) -> None:
    with running() as url:
        mark = f"secrets-{tmp_path.name}"
        child = start(["bench", *LITTLE, "--url", with_secret(url)], tmp_path, mark)
        try:
            deadline_s = time.monotonic() + 20
            while "token=***" not in " ".join(marked(mark)):
                assert time.monotonic() < deadline_s
                time.sleep(0.05)
            assert SECRET not in " ".join(marked(mark))
        finally:
            child.kill()
            child.communicate()
