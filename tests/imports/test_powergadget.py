"""Power Gadget logs come to their own totals, or are refused by file and line."""

import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from llamawatt.core.errors import UsageError
from llamawatt.core.flags import Flag
from llamawatt.core.readings import Method
from llamawatt.imports.formats.power_gadget import read_power_gadget
from tests.meters.logs import Gadget

TEST_DATA = os.environ.get("LLAMAWATT_TEST_DATA")


@pytest.fixture
def write(tmp_path):
    def written(text: str, name: str = "log.csv") -> Path:
        path = tmp_path / name
        path.write_text(text, "utf-8")
        return path

    return written


def test_energy_runs_from_second_zero_to_the_footers_total(write):
    log = read_power_gadget(write(Gadget().text()))
    package = log.of("cpu-package-0")
    assert package.energy_j == pytest.approx(50.0)
    assert package.duration_s == pytest.approx(2.0)
    assert log.footer_j["cpu-package-0"] == pytest.approx(50.0)
    assert log.of("cpu-core-0").domain.in_total is False
    assert {domain.method for domain in log.domains} == {Method.IMPORT}
    assert log.traces()["cpu-package-0"].energy_j[-1] == pytest.approx(50.0)


def test_a_dram_column_of_zeros_is_not_measured_and_one_that_counts_is(write):
    without = read_power_gadget(write(Gadget().text()))
    assert Flag.DRAM_NOT_MEASURED in without.flags
    assert "dram-0" not in {domain.name for domain in without.domains}
    having = read_power_gadget(write(Gadget(dram_w=3.0).text()))
    assert having.of("dram-0").energy_j == pytest.approx(6.0)
    assert Flag.DRAM_NOT_MEASURED not in having.flags


@pytest.mark.parametrize("power_w", [25.0, 900.0, 4000.0])
def test_decimal_commas_come_to_the_same(write, power_w):
    gadget = Gadget(power_w=power_w)
    point = read_power_gadget(write(gadget.text(), "point.csv"))
    comma = read_power_gadget(write(replace(gadget, decimal=",").text(), "comma.csv"))
    assert comma.series == point.series
    assert comma.footer_j == point.footer_j


def test_midnight_in_a_log_is_no_step_of_the_clock(write):
    gadget = Gadget(first_s=86_399.0)
    log = read_power_gadget(write(gadget.text(), "PwrData_2025-12-31-23-59-59.csv"))
    assert log.of("cpu-package-0").duration_s == pytest.approx(2.0)
    assert Flag.CLOCK_STEPPED not in log.flags
    assert log.started_at == datetime(2025, 12, 31, 23, 59, 58, 900_000)


def test_a_name_stamped_after_midnight_belongs_to_the_day_before(write):
    log = read_power_gadget(write(Gadget(first_s=86_398.0).text(), "raw_20260101_000003.csv"))
    assert log.started_at == datetime(2025, 12, 31, 23, 59, 57, 900_000)


def test_without_a_date_in_the_name_none_is_invented(write):
    assert read_power_gadget(write(Gadget().text(), "log.csv")).started_at is None


def test_a_clock_set_while_logging_is_flagged(write):
    lines = Gadget().text().splitlines()
    lines[10] = lines[10].replace("20:00:00", "20:07:00")
    assert Flag.CLOCK_STEPPED in read_power_gadget(write("\n".join(lines))).flags


def test_a_gap_is_flagged(write):
    lines = Gadget().text().splitlines()
    del lines[4:16]
    assert Flag.UNDERSAMPLED in read_power_gadget(write("\n".join(lines))).flags


def test_a_log_without_its_footer_has_no_totals_of_its_own(write):
    log = read_power_gadget(write(Gadget(footer=False).text()))
    assert log.footer_j == {}
    assert log.of("cpu-package-0").energy_j == pytest.approx(50.0)


def test_a_repeated_time_is_kept_once_and_said(write):
    lines = Gadget().text().splitlines()
    lines.insert(5, lines[5])
    log = read_power_gadget(write("\n".join(lines)))
    assert log.of("cpu-package-0").energy_j == pytest.approx(50.0)
    assert "repeat the time" in log.notes[0]


def edited(number: int, old: str, new: str) -> str:
    lines = Gadget().text().splitlines()
    assert old in lines[number - 1]
    lines[number - 1] = lines[number - 1].replace(old, new)
    return "\n".join(lines)


def swapped() -> str:
    lines = Gadget().text().splitlines()
    lines[5], lines[6] = lines[6], lines[5]
    return "\n".join(lines)


def fallen_for_good() -> str:
    lines = Gadget(footer=False).text().splitlines()
    restarted = [Gadget(power_w=1.0).row(number) for number in range(11, 21)]
    return "\n".join([*lines[:11], *restarted])


@pytest.mark.parametrize(
    ("line", "old", "new", "told"),
    [
        (4, "7.500", "  nan", "'nan' is no number (line 4)"),
        (4, "7.500", "7.5x0", "'7.5x0' is no number (line 4)"),
        (4, ", 4100", "", "15 values for 16 columns (line 4)"),
        (4, "20:00:00:200", "25:00:00:200", "no time of day (line 4)"),
        (5, "10.000", " 1.000", "a read of cpu-package-0 that cannot be true (line 5)"),
    ],
)
def test_a_counter_loses_nothing_by_a_line_that_cannot_be_read(write, line, old, new, told):
    log = read_power_gadget(write(edited(line, old, new)))
    assert log.of("cpu-package-0").energy_j == pytest.approx(50.0)
    assert Flag.LINES_LEFT_OUT in log.flags
    assert any(told in note for note in log.notes)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (edited(1, "Elapsed Time (sec)", "Elapsed"), r"log\.csv:1 has no column Elapsed Time"),
        (edited(1, "Cumulative Processor Energy", "x"), "no column Cumulative Processor"),
        (fallen_for_good(), r"log\.csv:12: cpu-package-0 falls from"),
        (edited(26, "50.000", "51.000"), r"come to 50\.000 J.*footer says 51\.000 J"),
        (edited(26, "50.000", "oops."), r"log\.csv:26.*no number"),
        (swapped(), r"log\.csv:7 is 0\.100 s earlier"),
        ("\n".join(Gadget(footer=False).text().splitlines()[:2]), "two are needed"),
        (Gadget(power_w=0.0).text(), "every total is zero"),
        ("System Time,Elapsed Time (sec)\n", "no column Cumulative Processor"),
        ("", "empty"),
    ],
)
def test_a_broken_log_is_refused_by_file_and_line(write, text, told):
    with pytest.raises(UsageError, match=told):
        read_power_gadget(write(text))


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF\xff\xfe\x00")
    with pytest.raises(UsageError, match="no text"):
        read_power_gadget(path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_power_gadget(tmp_path / "missing.csv")


@pytest.mark.skipif(not TEST_DATA, reason="LLAMAWATT_TEST_DATA is not set")
def test_real_logs_come_to_their_own_totals():
    paths = sorted((Path(TEST_DATA) / "intel-power-gadget").glob("*.csv"))
    assert paths
    for path in paths:
        log = read_power_gadget(path)
        for series in log.series:
            told_j = log.footer_j[series.domain.name]
            assert series.energy_j == pytest.approx(told_j, rel=0.001)
        assert 4.9 < log.of("cpu-package-0").duration_s < 5.2
        assert log.started_at is not None
