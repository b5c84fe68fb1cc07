"""Power samples from CSV files."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from llamawatt.core.errors import UsageError
from llamawatt.core.flags import Flag
from llamawatt.core.readings import Quantity
from llamawatt.imports.formats.nvidia_smi import read_nvml_csv

TEST_DATA = os.environ.get("LLAMAWATT_TEST_DATA")
LINES = [
    "timestamp,power_w",
    *(f"2025-12-08T01:05:{30 + n}.000,{40 + n}" for n in range(6)),
]


@pytest.fixture
def write(tmp_path):
    def written(lines: list[str]) -> Path:
        path = tmp_path / "log.csv"
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return path

    return written


def test_power_is_integrated_over_its_times(write):
    log = read_nvml_csv(write(LINES))
    series = log.of("gpu-0")
    assert series.domain.quantity is Quantity.POWER
    assert series.energy_j == pytest.approx((40 + 45) / 2 * 5)
    assert log.started_at == datetime(2025, 12, 8, 1, 5, 30)
    assert log.traces()["gpu-0"].power_w.tolist() == [40, 41, 42, 43, 44, 45]


def test_what_nvidia_smi_writes_is_read(write):
    lines = ["timestamp, power.draw [W]"]
    lines += [f"2025/12/08 01:05:3{n}.500, {40 + n}.00 W" for n in range(3)]
    assert read_nvml_csv(write(lines)).of("gpu-0").energy_j == pytest.approx(82.0)


def test_semicolons_go_with_decimal_commas(write):
    lines = ["timestamp;power_w"]
    lines += [f"2025-12-08T01:05:3{n}.000;40,5" for n in range(3)]
    assert read_nvml_csv(write(lines)).of("gpu-0").energy_j == pytest.approx(81.0)


def test_seconds_since_1970_are_times_too(write):
    lines = ["timestamp,power_w", "1765155930.5,40", "1765155931.5,40"]
    log = read_nvml_csv(write(lines))
    assert log.of("gpu-0").energy_j == pytest.approx(40)
    assert log.started_at == datetime.fromtimestamp(1765155930.5, UTC)


def test_midnight_and_offsets_are_no_obstacle(write):
    lines = ["timestamp,power_w", "2025-12-31T23:59:59+00:00,40", "2026-01-01T01:00:01+01:00,40"]
    assert read_nvml_csv(write(lines)).of("gpu-0").duration_s == 2.0


def test_a_repeated_time_is_kept_once_and_said(write):
    log = read_nvml_csv(write([*LINES[:4], LINES[3], *LINES[4:]]))
    assert log.of("gpu-0").energy_j == pytest.approx((40 + 45) / 2 * 5)
    assert log.notes


def test_a_gap_is_flagged(write):
    assert read_nvml_csv(write(LINES)).flags == ()
    later = "2025-12-08T01:06:30.000,40"
    assert read_nvml_csv(write([*LINES, later])).flags == (Flag.UNDERSAMPLED,)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([*LINES[:3], LINES[2].replace("31", "29"), *LINES[4:]], r"log\.csv:4.*earlier"),
        ([*LINES[:3], "2025-12-08T01:05:32.000,-3"], r"log\.csv:4.*no power back"),
        ([*LINES[:3], "2025-12-08T01:05:32Z,40"], r"log\.csv:4 mixes times"),
        (["timestamp,watts", *LINES[1:]], "no column power_w; it has timestamp, watts"),
        (LINES[:1], "no samples"),
        (LINES[:2], "two are needed"),
    ],
)
def test_a_broken_file_is_refused_by_file_and_line(write, lines, told):
    with pytest.raises(UsageError, match=told):
        read_nvml_csv(write(lines))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("2025-12-08T01:05:31.500,nan", "no power (line 4)"),
        ("2025-12-08T01:05:31.500,inf", "no power (line 4)"),
        ("2025-12-08T01:05:31.500,", "no power (line 4)"),
        ("2025-12-08T01:05:31.500,[N/A]", "no power (line 4)"),
        ("2025-12-08T01:05:31.500,4x", "'4x' is no power (line 4)"),
        ("2025-12-08T01:05:31.500,99999999", "cannot be (line 4)"),
        ("2025-12-08T01:05:31.500,40,5", "3 values for 2 columns (line 4)"),
        ("yesterday,40", "'yesterday' is no date and time (line 4)"),
    ],
)
def test_a_line_that_cannot_be_read_is_left_out_counted_and_named(write, line, told):
    log = read_nvml_csv(write([*LINES[:3], line, *LINES[3:]]))
    assert log.of("gpu-0").energy_j == pytest.approx((40 + 45) / 2 * 5)
    assert Flag.LINES_LEFT_OUT in log.flags
    assert any(told in note for note in log.notes)


def test_a_log_that_is_mostly_unreadable_is_refused(write):
    with pytest.raises(UsageError, match=r"7 of 10 lines of .* cannot be used"):
        read_nvml_csv(write([*LINES[:4], *("x,y" for _ in range(7))]))


@pytest.mark.skipif(not TEST_DATA, reason="LLAMAWATT_TEST_DATA is not set")
def test_real_logs_are_read_as_they_are():
    paths = sorted((Path(TEST_DATA) / "nvml").glob("*.csv"))
    assert paths
    for path in paths:
        series = read_nvml_csv(path).of("gpu-0")
        assert 4.5 < series.duration_s < 5.5
        mean_w = series.energy_j / series.duration_s
        assert min(series.value) < mean_w < max(series.value)
