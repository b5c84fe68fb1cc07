"""A server's log is bounded, leaves no file, and its end is understood."""

import os

import pytest

from llamawatt.targets.log import TAIL_BYTES, ServerLog, hint


@pytest.fixture
def log():
    opened = ServerLog()
    yield opened
    opened.close()


def test_the_last_lines_are_kept_and_blank_ones_are_not(log: ServerLog) -> None:
    os.write(log.descriptor, b"one\n\n  \ntwo\nthree\n")
    assert log.last_lines(2) == ["two", "three"]


def test_a_log_that_grew_is_cut_to_its_end_and_goes_on(log: ServerLog) -> None:
    for number in range(5000):
        os.write(log.descriptor, f"line {number}\n".encode())
    log.trim(most_bytes=10_000)
    os.write(log.descriptor, b"after\n")
    assert os.fstat(log.descriptor).st_size <= TAIL_BYTES + 6
    assert log.last_lines(2) == ["line 4999", "after"]


def test_a_small_log_stays_whole(log: ServerLog) -> None:
    os.write(log.descriptor, b"first\n")
    log.trim(most_bytes=10_000)
    assert log.last_lines() == ["first"]


def test_a_log_has_no_name_that_a_kill_could_leave_behind(log: ServerLog) -> None:
    assert os.fstat(log.descriptor).st_nlink == 0


def test_a_closed_log_says_nothing() -> None:
    log = ServerLog()
    log.close()
    log.close()
    assert log.last_lines() == []
    assert log.hint() == ""


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("E srv start: couldn't bind HTTP server socket, port: 1", "port is taken"),
        ("gguf_init_from_reader: invalid magic characters: 'hell', expected 'GGUF'", "no GGUF"),
        ("gguf_init_from_reader: failed to read key-value pairs", "cut short"),
        ("tensor 'x' data is not within the file bounds, model is corrupted", "cut short"),
        ("ggml_cuda: cudaMalloc failed: out of memory", "Memory ran out"),
        ("unknown model architecture: 'new'", "too old"),
        ("llama-server: error while loading shared libraries: libggml.so", "LD_LIBRARY_PATH"),
        ("error: invalid argument: --bogus", "does not know one of the flags"),
        ("all is well", ""),
    ],
)
def test_the_end_of_a_log_is_put_in_words(line: str, meaning: str) -> None:
    found = hint(f"before\n{line}\nafter")
    assert meaning in found
    assert bool(found) == bool(meaning)
