"""Traces survive the round trip; a missing or broken one is said."""

from pathlib import Path

import numpy as np
import pytest

from llamawatt.core.errors import RunDirectoryError
from llamawatt.runs.samples import RawTrace
from llamawatt.runs.traces import read_trace, trace_path, write_trace


def test_round_trip(tmp_path: Path) -> None:
    (tmp_path / "traces").mkdir()
    t_s = np.array([1.0, 2.0, 3.0])
    traces = {
        "gpu-0": RawTrace(t_s, energy_j=t_s * 70),
        "gpu-0-instant": RawTrace(t_s[:2], power_w=np.array([70.0, np.nan])),
    }
    write_trace(tmp_path, "b000", traces)
    back = read_trace(tmp_path, "b000")
    assert list(back) == ["gpu-0", "gpu-0-instant"]
    np.testing.assert_array_equal(back["gpu-0"].energy_j, t_s * 70)
    assert back["gpu-0"].power_w is None
    np.testing.assert_array_equal(back["gpu-0-instant"].power_w, [70.0, np.nan])


def test_a_missing_trace_is_empty_and_a_broken_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "traces").mkdir()
    assert read_trace(tmp_path, "none") == {}
    trace_path(tmp_path, "bad").write_bytes(b"not parquet")
    with pytest.raises(RunDirectoryError, match=r"bad\.parquet"):
        read_trace(tmp_path, "bad")


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    trace_path(tmp_path, "x").parent.write_text("a file")
    with pytest.raises(RunDirectoryError, match="Could not write"):
        write_trace(tmp_path, "x", {"d": RawTrace(np.array([0.0]), power_w=np.array([1.0]))})
