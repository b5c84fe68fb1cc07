"""A journal keeps whole lines and moves torn ends aside."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.errors import RunDirectoryError
from llamawatt.runs.journal import Journal, parse_objects, read_lines, write_whole


def test_appended_lines_come_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    journal.append(b'{"a":1}\n')
    journal.append(b'{"a":2}\n')
    journal.close()
    assert read_lines(tmp_path / "j.jsonl") == ([b'{"a":1}', b'{"a":2}'], "")


@given(cut=st.integers(0, 17))
def test_a_cut_at_any_byte_loses_no_whole_line(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("j") / "j.jsonl"
    data = b'{"a":1}\n{"a":22}\n'
    path.write_bytes(data[:cut])
    whole = data[:cut].count(b"\n")

    lines, warning = read_lines(path)
    assert len(lines) == whole
    assert bool(warning) == (not data[:cut].endswith(b"\n") and cut > 0)

    journal = Journal(path)
    journal.append(b'{"a":3}\n')
    journal.close()
    lines, warning = read_lines(path)
    assert len(lines) == whole + 1
    assert not warning
    torn = path.with_name("j.jsonl.torn")
    assert torn.exists() == (data[:cut] != b"" and not data[:cut].endswith(b"\n"))


@pytest.mark.skipif(sys.platform == "win32", reason="needs a file size limit")
def test_a_full_disk_is_named_and_leaves_the_journal_whole(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "j.jsonl"
    journal = Journal(path)
    journal.append(b'{"a":1}\n')
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 3, hard))
    try:
        with pytest.raises(RunDirectoryError, match="every earlier trial is safe"):
            journal.append(b'{"a":2}\n')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b'{"a":1}\n'
    journal.append(b'{"a":3}\n')
    journal.close()
    assert read_lines(path) == ([b'{"a":1}', b'{"a":3}'], "")


def test_a_broken_line_is_named() -> None:
    with pytest.raises(RunDirectoryError, match=r"t\.jsonl:2 is not valid JSON"):
        parse_objects([b"{}", b"{"], "t.jsonl")
    with pytest.raises(RunDirectoryError, match=r"t\.jsonl:1 is not a JSON object"):
        parse_objects([b"[]"], "t.jsonl")


def test_write_whole_replaces(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", b"1")
    write_whole(tmp_path / "a", b"2")
    assert (tmp_path / "a").read_bytes() == b"2"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
