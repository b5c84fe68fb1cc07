import subprocess
import sys

from llamawatt.host.cpu import own_time
from llamawatt.host.cpu.own_time import OwnTime


def always(monkeypatch):
    """Look for children at every read."""
    monkeypatch.setattr(own_time, "LOOK_S", 0.0)
    monkeypatch.setattr(own_time, "LOOK_SHARE", 1e9)


BURN = "import time\nwhile time.process_time() < 0.3: pass\n"


def test_what_a_child_used_stays_counted_after_its_end(monkeypatch):
    always(monkeypatch)
    own = OwnTime()
    before_s = own()
    subprocess.run([sys.executable, "-c", BURN], check=True)
    assert own() - before_s >= 0.25


def test_a_neighbour_is_not_counted(monkeypatch):
    always(monkeypatch)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as quiet:
        other = OwnTime(quiet.pid)
        before_s = other()
        sum(n * n for n in range(1_000_000))
        assert other() - before_s < 0.2
        quiet.communicate(b"\n")


def test_a_process_that_is_gone_keeps_its_count(monkeypatch):
    always(monkeypatch)
    with subprocess.Popen([sys.executable, "-c", BURN + "input()"], stdin=subprocess.PIPE) as child:
        other = OwnTime(child.pid)
        while other() < 0.2:
            pass
        child.communicate(b"\n")
    assert other() >= 0.2
    assert other() >= 0.2


def test_looking_is_seldom_where_it_is_dear(monkeypatch):
    clock = {"now_s": 0.0, "cpu_s": 0.0, "n_looks": 0}

    def look(self):
        clock["cpu_s"] += 0.02
        clock["n_looks"] += 1
        return self._tree

    monkeypatch.setattr(own_time.time, "monotonic", lambda: clock["now_s"])
    monkeypatch.setattr(own_time.time, "thread_time", lambda: clock["cpu_s"])
    monkeypatch.setattr(OwnTime, "_look", look)
    own = OwnTime()
    for _ in range(400):
        clock["now_s"] += 0.1
        own()
    assert clock["cpu_s"] <= 0.006 * clock["now_s"]
    assert clock["n_looks"] > 5
