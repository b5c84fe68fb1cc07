import csv
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from llamawatt.core.errors import UsageError
from llamawatt.gateway.store.export import export
from llamawatt.gateway.store.query import find_row, parse_groups, read_only, spent_today_j, used
from llamawatt.gateway.store.rows import RequestRow
from llamawatt.gateway.store.writer import Writer, open_database

ROW = RequestRow(
    "lw-1", 1.8e9, "2027-01-15", "tiny", "cpu", "me", "/v1/chat/completions", 200, 10, 20, 1.5, 0.2,
    30.0, 20.0, 1.0, 40.0, "counter", 0, 0, 1, "", "only target",
)  # fmt: skip


def kept(path, *rows):
    writer = Writer(path)
    done = threading.Event()
    for row in rows:
        writer.put(row, done.set)
    assert done.wait(5)
    writer.close()


def test_rows_are_kept_and_replaced_by_their_settled_ones(tmp_path):
    path = tmp_path / "e.sqlite"
    kept(path, ROW, replace(ROW, energy_j=31.0), replace(ROW, request_id="lw-2", energy_j=None))
    connection = read_only(path)
    assert find_row(connection, "lw-1").energy_j == 31.0
    assert find_row(connection, "none") is None
    (found,) = used(connection, ("day", "model"))
    assert found.group == ("2027-01-15", "tiny")
    assert (found.n_requests, found.n_without_energy, found.energy_j) == (2, 1, 31.0)
    assert used(connection, (), "2030-01-01") == ()
    assert spent_today_j(path, "me", "2027-01-15") == 31.0
    connection.close()


def test_a_kill_loses_no_row_whose_writing_was_told(tmp_path):
    path = tmp_path / "e.sqlite"
    code = (
        "import os, sys, threading\n"
        "from pathlib import Path\n"
        "from tests.gateway.store.test_store import ROW\n"
        "from dataclasses import replace\n"
        "from llamawatt.gateway.store.writer import Writer\n"
        "w = Writer(Path(sys.argv[1]))\n"
        "for n in range(50):\n"
        "    done = threading.Event()\n"
        "    w.put(replace(ROW, request_id=f'lw-{n}'), done.set)\n"
        "    done.wait()\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -9
    connection = read_only(path)
    assert used(connection, ())[0].n_requests == 50
    connection.close()
    kept(path, replace(ROW, request_id="after"))  # and it opens again


def test_every_row_is_exported(tmp_path):
    path = tmp_path / "e.sqlite"
    kept(path, ROW, replace(ROW, request_id="lw-2", energy_j=None, reason="It died."))
    connection = read_only(path)
    assert export(connection, tmp_path / "e.csv") == 2
    rows = list(csv.DictReader((tmp_path / "e.csv").read_text().splitlines()))
    assert [row["energy_j"] for row in rows] == ["30.0", ""]
    assert export(connection, tmp_path / "e.parquet") == 2
    table = pq.read_table(tmp_path / "e.parquet")
    assert table.column("energy_j").to_pylist() == [30.0, None]
    with pytest.raises(UsageError, match="neither"):
        export(connection, tmp_path / "e.xlsx")
    with pytest.raises(UsageError, match="cannot be written"):
        export(connection, tmp_path / "e.csv" / "x.csv")
    connection.close()


def test_what_is_no_database_is_refused(tmp_path):
    (tmp_path / "text").write_text("hello " * 500)
    for path in (tmp_path / "none", tmp_path / "text"):
        with pytest.raises(UsageError):
            read_only(path)
    with pytest.raises(UsageError):
        open_database(tmp_path / "text")
    with pytest.raises(UsageError, match="not kept by 'week'"):
        parse_groups("day,week")


def test_a_newer_database_is_refused_and_an_old_one_brought_up_to_date(tmp_path):
    path = tmp_path / "e.sqlite"
    sqlite3.connect(path).close()
    open_database(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(UsageError, match="newer"):
        open_database(path)
