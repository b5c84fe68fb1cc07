"""Other processes' load is what neither this process nor the server spent, each counted once."""

import os
import subprocess
import sys
import time

import pytest

from llamawatt.host.other_load import SystemCompany, _cpu_s

BURN = (
    "import time\nend = time.monotonic() + 1\nwhile time.monotonic() < end: pass\nprint(1)\ninput()"
)


def test_a_server_that_this_process_started_is_counted_once() -> None:
    server = subprocess.Popen(
        [sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        server.stdout.readline()
        alone_s = _cpu_s({server.pid})
        assert alone_s > 0
        before_s = time.process_time()
        both_s = _cpu_s({server.pid, os.getpid()})
        own_s = _cpu_s({os.getpid()})
        spent_s = time.process_time() - before_s
    finally:
        server.communicate("\n")
    assert own_s == pytest.approx(both_s, abs=spent_s + 0.05)


def test_nothing_is_told_of_a_server_that_is_not_ours() -> None:
    quiet = SystemCompany()
    quiet.start(None)
    assert quiet.other_share() is None
