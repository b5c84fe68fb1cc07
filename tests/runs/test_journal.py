"""A journal keeps whole lines and moves torn ends aside."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.errors import RunDirectoryError
from llamawatt.runs import journal as journal_module
from llamawatt.runs.journal import Journal, pieces, write_whole


def read(path: Path) -> tuple[list[bytes], list[str]]:
    warnings: list[str] = []
    whole = b"".join(piece for _, piece in pieces(path, warnings))
    return whole.splitlines(keepends=True), warnings


def test_appended_lines_come_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    journal.append(b'{"a":1}\n')
    journal.append(b'{"a":2}\n')
    journal.close()
    assert read(tmp_path / "j.jsonl") == ([b'{"a":1}\n', b'{"a":2}\n'], [])


@given(cut=st.integers(0, 17))
def test_a_cut_at_any_byte_loses_no_whole_line(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("j") / "j.jsonl"
    data = b'{"a":1}\n{"a":22}\n'
    path.write_bytes(data[:cut])
    whole = data[:cut].count(b"\n")

    found, warning = read(path)
    assert len(found) == whole
    assert bool(warning) == (not data[:cut].endswith(b"\n") and cut > 0)

    journal = Journal(path)
    journal.append(b'{"a":3}\n')
    journal.close()
    found, warning = read(path)
    assert len(found) == whole + 1
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
    assert read(path) == ([b'{"a":1}\n', b'{"a":3}\n'], [])


@given(
    sizes=st.lists(st.sampled_from((0, 1, 5, 40, 400)), max_size=12),
    torn=st.sampled_from((b"", b"{", b"y" * 100)),
    n=st.integers(1, 200),
)
def test_pieces_hold_every_whole_line_and_know_its_number(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], torn: bytes, n: int
) -> None:
    path = tmp_path_factory.mktemp("j") / "j.jsonl"
    written = [b"x" * size + b"\n" for size in sizes]
    path.write_bytes(b"".join(written) + torn)
    warnings: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal_module, "PIECE_BYTES", n)
        found = list(pieces(path, warnings))
    assert b"".join(piece for _, piece in found) == b"".join(written)
    assert bool(warnings) is bool(torn)
    for number, piece in found:
        assert piece == b"".join(written[number - 1 : number - 1 + piece.count(b"\n")])


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "MOST_BYTES", 1 << 10)
    monkeypatch.setattr(journal_module, "PIECE_BYTES", 2)
    path = tmp_path / "j.jsonl"
    path.write_bytes(b"{}\n" + b"x" * 3000 + b"\n")
    with pytest.raises(RunDirectoryError, match=r"j\.jsonl:2 is longer"):
        list(pieces(path, []))


def test_write_whole_replaces(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", b"1")
    write_whole(tmp_path / "a", b"2")
    assert (tmp_path / "a").read_bytes() == b"2"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
