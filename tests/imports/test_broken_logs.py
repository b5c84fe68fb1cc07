"""However a log is broken, it is refused in a sentence, or read with figures that can be."""

import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamawatt.core.errors import UsageError
from llamawatt.core.flags import Flag
from llamawatt.imports.auto import FORMATS, read_log
from llamawatt.imports.format import Options
from llamawatt.imports.recorded import ImportedLog
from tests.compatibility import registry
from tests.compatibility.logs import FIXTURES

NAMES = sorted(FIXTURES)
JUNK = [
    b"nan", b"-1", b"1e999", b"", b"\x00", b"\xff\xfe", b'"', b",", b";", b"\n", b"\n\n", b"[N/A]",
    b"99999999999999999999", b"{", b"}", b"</plist>", b"2025-12-08", b"\r", b"-", b"#", b"W", b" ",
    "½".encode(), "١٢".encode(), b"12:60:60", b"0001-01-01 00:00:00", b"9999-12-31T23:59:59",
]  # fmt: skip
edits = st.lists(
    st.tuples(st.integers(0, 10**6), st.integers(0, 12), st.sampled_from(JUNK)), max_size=6
)
OPTIONS = [Options(), Options(interval_s=1e-6), Options(interval_s=1e9), Options(unit="kW")]


def broken(data: bytes, places) -> bytes:
    for at, length, junk in places:
        start = at % (len(data) + 1)
        data = data[:start] + junk + data[start + length :]
    return data


def shuffled(data: bytes, order) -> bytes:
    lines = data.split(b"\n")
    return b"\n".join(lines[place % len(lines)] for place in order) if order else data


def outcome(data: bytes, options: Options, name: str = "auto") -> ImportedLog | UsageError:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        path.write_bytes(data)
        try:
            return read_log(path, name, options)
        except UsageError as error:
            return error


def require_sound(found: ImportedLog | UsageError) -> None:
    if isinstance(found, UsageError):
        assert len(str(found)) > 20
        return
    assert found.series or Flag.NO_ENERGY in found.flags
    for series in found.series:
        assert len(series.t_s) == len(series.value) >= 2
        assert all(now >= before for before, now in zip(series.t_s, series.t_s[1:], strict=False))
        assert math.isfinite(series.energy_j)
        assert series.energy_j >= 0
        assert series.duration_s > 0


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(NAMES), edits, st.sampled_from([None, *OPTIONS]))
def test_bytes_that_are_not_as_they_should_be(name, places, options):
    data, own = FIXTURES[name]
    require_sound(outcome(broken(data, places), options or own))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(NAMES), st.lists(st.integers(0, 60), max_size=30))
def test_lines_left_out_repeated_and_out_of_order(name, order):
    data, options = FIXTURES[name]
    require_sound(outcome(shuffled(data, order), options))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(NAMES), st.floats(0, 1))
def test_a_log_that_was_cut_anywhere(name, share):
    data, options = FIXTURES[name]
    require_sound(outcome(data[: int(share * len(data))], options))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(NAMES), st.sampled_from([form.name for form in FORMATS]))
def test_a_log_read_as_something_else(name, form):
    data, options = FIXTURES[name]
    require_sound(outcome(data, options, form))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["auto", *(form.name for form in FORMATS)]))
def test_any_bytes_at_all(data, form):
    require_sound(outcome(data, Options(), form))


def test_blank_lines_alone_above_the_first_reading():
    require_sound(outcome(b"\n\n\n\n\n\n2025/12/08 01:05:30.500, 40.00 W\n", Options()))


def test_every_form_is_read_from_at_least_two_logs():
    assert registry.CASES
    read: dict[str, int] = {}
    for data, options in FIXTURES.values():
        found = outcome(data, options)
        if isinstance(found, ImportedLog):
            read[found.title] = read.get(found.title, 0) + 1
    assert {
        form.title: read.get(form.title, 0) for form in FORMATS if read.get(form.title, 0) < 2
    } == {}


def test_a_folder_is_no_log(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_log(tmp_path, "auto", Options())


def test_an_unknown_form_is_refused_with_what_was_meant(tmp_path):
    with pytest.raises(UsageError, match="Did you mean hwinfo"):
        read_log(tmp_path, "hwinf", Options())
