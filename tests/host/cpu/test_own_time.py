import subprocess
import sys

from llamawatt.host.cpu import own_time
from llamawatt.host.cpu.own_time import OwnTime

BURN = "import time\nwhile time.process_time() < 0.3: pass\n"


def test_what_a_child_used_stays_counted_after_its_end(monkeypatch):
    monkeypatch.setattr(own_time, "LOOK_S", 0.0)
    own = OwnTime()
    before_s = own()
    subprocess.run([sys.executable, "-c", BURN], check=True)
    assert own() - before_s >= 0.25


def test_a_neighbour_is_not_counted(monkeypatch):
    monkeypatch.setattr(own_time, "LOOK_S", 0.0)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as quiet:
        other = OwnTime(quiet.pid)
        before_s = other()
        sum(n * n for n in range(1_000_000))
        assert other() - before_s < 0.2
        quiet.communicate(b"\n")


def test_a_process_that_is_gone_keeps_its_count(monkeypatch):
    monkeypatch.setattr(own_time, "LOOK_S", 0.0)
    with subprocess.Popen([sys.executable, "-c", BURN + "input()"], stdin=subprocess.PIPE) as child:
        other = OwnTime(child.pid)
        while other() < 0.2:
            pass
        child.communicate(b"\n")
    assert other() >= 0.2
    assert other() >= 0.2
