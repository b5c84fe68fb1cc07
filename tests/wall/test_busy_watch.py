from contextlib import contextmanager
from threading import Event

import pytest

from llamawatt.wall.busy_watch import BusyWatch


def test_busy_shares_of_a_load_are_remembered_by_level():
    looked, total = Event(), {"s": 0.0}

    @contextmanager
    def load(n_busy):
        yield

    def busy_s():
        total["s"] += 0.01
        if total["s"] > 0.05:
            looked.set()
        return {0: total["s"], 3: 7.0}

    watch = BusyWatch(load, busy_s, look_s=0.01)
    with watch.load(2):
        assert looked.wait(30)
    assert set(watch.seen) == {2}
    assert watch.seen[2][0] == {0: pytest.approx(1.0), 3: 0.0}


def test_what_the_load_raises_comes_through():
    @contextmanager
    def load(n_busy):
        raise RuntimeError("no process")
        yield

    with pytest.raises(RuntimeError, match="no process"), BusyWatch(load).load(1):
        pass
