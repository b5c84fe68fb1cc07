"""Trials read as columns come whole and in order, wherever the file is cut for its readers."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.errors import RunDirectoryError
from llamawatt.runs import schema
from llamawatt.runs.columns import read_columns, torn_warning
from llamawatt.runs.store import TRIALS_FILE
from tests.runs.records import trial


def line(number: int, n_padding: int = 0) -> bytes:
    whole = schema.to_line(schema.TRIAL, trial(number))
    return whole[:-2] + b',"unknown":"' + b"x" * n_padding + b'"}\n'


@given(
    paddings=st.lists(st.sampled_from((0, 10, 5_000, 300_000)), min_size=1, max_size=12),
    torn=st.sampled_from((b"", b"{", b'{"schema":1,"trial_id":"' + b"y" * 100_000)),
)
def test_every_whole_line_is_read_in_order(
    tmp_path_factory: pytest.TempPathFactory, paddings: list[int], torn: bytes
) -> None:
    run = tmp_path_factory.mktemp("run")
    lines = [line(number, n) for number, n in enumerate(paddings)]
    (run / TRIALS_FILE).write_bytes(b"".join(lines) + torn)
    table = read_columns(run, ["cpu-package-0"])
    assert table["order"].to_pylist() == [*range(len(paddings))]
    assert bool(torn_warning(run)) is bool(torn)


@pytest.mark.parametrize("broken_at", [0, 9])
def test_a_broken_line_is_an_error_in_either_half(tmp_path: Path, broken_at: int) -> None:
    lines = [line(number) for number in range(10)]
    lines[broken_at] = b"no trial\n"
    (tmp_path / TRIALS_FILE).write_bytes(b"".join(lines))
    with pytest.raises(RunDirectoryError, match=r"holds a line that is no trial"):
        read_columns(tmp_path, ["cpu-package-0"])
