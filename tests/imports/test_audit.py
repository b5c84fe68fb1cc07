"""What share of an energy window is work."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.errors import UsageError
from llamawatt.imports.audit import EnergyWindow, Span, audit
from llamawatt.imports.audit_tables import audit_tables

TEST_DATA = os.environ.get("LLAMAWATT_TEST_DATA")
LATENCIES = [
    "timestamp,run_id,backend,prompt_id,prompt_template,latency_ms,tokens_generated",
    "2025-12-08T01:00:07.000,cpu-t4,cpu,sd-001,short_dialogue,7000,29",
    "2025-12-08T01:00:13.000,cpu-t4,cpu,sd-002,short_dialogue,6000,22",
    "2025-12-08T01:00:19.500,cpu-t8,cpu,sd-001,short_dialogue,6500,29",
]
ENERGIES = [
    "timestamp,backend,energy_joules,notes",
    "2025-12-08T01:00:05.000,cpu,140.5,prompt=sd-001",
    "2025-12-08T01:00:12.000,cpu,150.5,prompt=sd-002",
    "2025-12-08T01:00:18.100,cpu,130.5,prompt=sd-001",
]


def window(t0_s, t1_s, name="e"):
    return EnergyWindow(name, t0_s, t1_s, 1.0)


def test_a_window_is_shared_out_between_work_and_the_rest():
    found = audit([window(0, 10)], [Span("a", 2, 5), Span("b", 8, 20)])
    (row,) = found.rows
    assert row.overlap_s == pytest.approx(5)
    assert row.share == pytest.approx(0.5)
    assert row.requests == ("a", "b")
    assert (found.work_s, found.covered_s) == (15, 5)
    assert "1 of 1 energy windows overlap work; 50%" in found.verdict


def test_concurrent_requests_are_counted_once():
    found = audit([window(0, 10)], [Span("a", 0, 6), Span("b", 4, 8)])
    assert found.rows[0].share == pytest.approx(0.8)
    assert found.work_s == 8


def test_windows_that_only_touch_the_work_hold_none_of_it():
    found = audit([window(0, 5), window(7, 9)], [Span("a", 5, 7)])
    assert found.n_touching == 0
    assert found.verdict.startswith("None of the 2 energy windows overlaps its work")


def test_without_windows_there_is_nothing_to_judge():
    assert audit([], [Span("a", 0, 1)]).verdict == "There is no energy window."


def test_a_window_must_end_after_it_starts():
    with pytest.raises(ValueError, match="not after"):
        audit([window(3, 3)], [])


times = st.floats(0, 100, allow_nan=False).map(lambda t_s: round(t_s, 3))
spans = st.tuples(times, times).filter(lambda pair: pair[1] - pair[0] > 0.01)


@given(st.lists(spans, max_size=5), st.lists(spans, max_size=5))
def test_shares_lie_between_none_and_all(windows, requests):
    found = audit(
        [window(*pair) for pair in windows], [Span(str(i), *p) for i, p in enumerate(requests)]
    )
    assert all(-1e-9 <= row.share <= 1 + 1e-9 for row in found.rows)
    assert found.covered_s <= found.work_s + 1e-6
    assert all(bool(row.requests) == (row.overlap_s > 0) for row in found.rows)


@pytest.fixture
def tables(tmp_path):
    def written(latencies=LATENCIES, energies=ENERGIES) -> tuple[Path, Path]:
        paths = tmp_path / "latency.csv", tmp_path / "power.csv"
        for path, lines in zip(paths, (latencies, energies), strict=True):
            path.write_text("\n".join(lines) + "\n")
        return paths

    return written


def test_recordings_made_before_the_model_started_overlap_no_inference(tables):
    found = audit_tables(*tables())
    assert (found.n_inside, found.n_unmatched) == (3, 0)
    assert found.audit.n_touching == 0
    assert found.audit.work_s == pytest.approx(2.0 + 1.0 + 1.4)
    assert "the times alone cannot show that" in found.assumption


def test_if_the_model_ran_beside_the_recorder_all_is_work(tables):
    found = audit_tables(*tables(), recorder_blocks=False)
    assert [row.share for row in found.audit.rows] == pytest.approx([1, 1, 1])
    assert "from the start of the latency" in found.assumption


def test_a_recording_beside_its_latency_is_audited_as_the_times_tell(tables):
    late = [ENERGIES[0], ENERGIES[1].replace("00:05", "00:06"), *ENERGIES[2:]]
    found = audit_tables(*tables(energies=late))
    assert found.n_inside == 2
    assert found.audit.rows[0].share == pytest.approx(1.0)


def test_a_recording_without_a_request_is_counted(tables):
    orphan = "2025-12-08T01:05:00.000,gpu,99.0,prompt=sd-009"
    found = audit_tables(*tables(energies=[*ENERGIES, orphan]))
    assert found.n_unmatched == 1
    assert found.audit.rows[-1].overlap_s == 0


@pytest.mark.parametrize(
    ("latencies", "energies", "told"),
    [
        (LATENCIES, [*ENERGIES, "2025-12-08T01:06:00,cpu,nan,prompt=a"], r"power\.csv:5.*'nan'"),
        (LATENCIES, [*ENERGIES, "2025-12-08T01:06:00,cpu,9,"], r"power\.csv:5 names no prompt"),
        (LATENCIES, [*ENERGIES, "later,cpu,9,prompt=a"], r"power\.csv:5.*no date"),
        ([LATENCIES[0].replace("latency_ms", "ms"), *LATENCIES[1:]], ENERGIES, "latency_ms"),
        ([*LATENCIES, LATENCIES[1].replace("7000", "-1")], ENERGIES, r"latency\.csv:5.*latency"),
        (LATENCIES[:1], ENERGIES, "no rows"),
    ],
)
def test_a_broken_table_is_refused_by_file_and_line(tables, latencies, energies, told):
    with pytest.raises(UsageError, match=told):
        audit_tables(*tables(latencies, energies))


@pytest.mark.skipif(not TEST_DATA, reason="LLAMAWATT_TEST_DATA is not set")
def test_no_energy_window_of_the_study_overlaps_its_inference():
    folder = Path(TEST_DATA)
    found = audit_tables(folder / "latency_results.csv", folder / "power_logs.csv")
    assert len(found.audit.rows) == found.n_inside == 27
    assert found.audit.n_touching == 0
    assert found.audit.verdict.startswith("None of the 27 energy windows overlaps its work")
