import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from llamawatt.core.errors import MeterError
from llamawatt.wall import cpu_load
from llamawatt.wall.cpu_load import busy_cores

PARENT = """
import psutil, time
from llamawatt.wall.cpu_load import busy_cores
with busy_cores(1):
    print(psutil.Process().children()[0].pid, flush=True)
    time.sleep(60)
"""


def loads():
    return [
        child
        for child in psutil.Process().children()
        if any("cpu_load" in word for word in child.cmdline())
    ]


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_each_core_has_a_child_that_works_and_all_are_gone_behind():
    with busy_cores(2):
        children = loads()
        assert len(children) == 2
        deadline_s = time.monotonic() + 30
        while any(child.cpu_times().user < 0.05 for child in children):
            assert time.monotonic() < deadline_s
            time.sleep(0.02)
    assert all(gone(child.pid) for child in children)


def test_no_cores_is_no_load():
    with busy_cores(0):
        assert loads() == []


def test_all_are_gone_when_the_block_fails():
    def fail():
        with busy_cores(1):
            raise KeyError(loads()[0].pid)

    with pytest.raises(KeyError) as caught:
        fail()
    assert gone(caught.value.args[0])


def test_a_load_that_ended_early_is_told():
    def lose_one():
        with busy_cores(1):
            (child,) = loads()
            child.kill()
            child.wait(10)

    with pytest.raises(MeterError, match="ended while it was measured"):
        lose_one()


def test_a_load_that_does_not_start_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(cpu_load.sys, "executable", str(tmp_path / "none"))
    with pytest.raises(MeterError, match="No load could be made"), busy_cores(1):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX does")
def test_a_child_dies_with_its_parent():
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    child_pid = int(parent.stdout.readline())
    assert not gone(child_pid)
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate(timeout=30)
    deadline_s = time.monotonic() + 30
    while not gone(child_pid):
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
