"""The import commands on small logs whose totals are known."""

import json

import pytest
from typer.testing import CliRunner

from llamawatt.cli.import_ import FORMATS, app
from llamawatt.core.errors import UsageError
from llamawatt.core.flags import Flag
from llamawatt.imports.auto import names
from tests.meters.logs import Gadget

NVML = "timestamp,power_w\n" + "".join(
    f"2025-12-07T20:05:{second:02d}.000,{power_w}\n"
    for second, power_w in enumerate([30.0, 40.0, 40.0])
)
LATENCIES = (
    "timestamp,run_id,backend,prompt_id,latency_ms\n"
    "2025-12-08T01:00:07.000,cpu-t4,cpu,sd-001,7000\n"
)
ENERGIES = (
    "timestamp,backend,energy_joules,notes\n2025-12-08T01:00:05.000,cpu,140.5,prompt=sd-001\n"
)


def run(*arguments):
    found = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.output


@pytest.fixture
def file(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_a_gadget_log_is_told_beside_its_own_total(file):
    log = Gadget()
    said = run("powergadget", file("g.csv", log.text()))
    assert "cpu-package-0" in said
    assert f"own total is {log.energy_j:.6g} J" in said


def test_a_gadget_log_as_json(file):
    log = Gadget()
    form = json.loads(run("powergadget", file("g.csv", log.text()), "--json"))
    package = form["domains"]["cpu-package-0"]
    assert package["footer_j"] == pytest.approx(log.energy_j)
    assert package["method"] == "import"


def test_nvml_samples_are_integrated_by_trapezoids(file):
    path = file("n.csv", NVML)
    form = json.loads(run("nvml", path, "--domain", "gpu-3", "--json"))
    assert form["domains"]["gpu-3"]["energy_j"] == pytest.approx(75.0)
    assert form["domains"]["gpu-3"]["footer_j"] is None
    assert "75 J in 2.000 s, 37.5 W mean, 3 samples" in run("nvml", path)


def test_an_audit_says_that_the_energy_is_not_of_the_work(file):
    tables = file("l.csv", LATENCIES), file("e.csv", ENERGIES)
    said = run("audit", *tables)
    assert "None of the 1 energy windows overlaps its work" in said
    assert "0% of it is work" in said
    form = json.loads(run("audit", *tables, "--json"))
    assert (form["n_windows"], form["n_overlapping"]) == (1, 0)
    assert form["windows"][0]["share"] == 0
    assert form["work_s"] == pytest.approx(2.0)


def test_an_audit_takes_the_users_word_for_how_recording_went(file):
    tables = file("l.csv", LATENCIES), file("e.csv", ENERGIES)
    form = json.loads(run("audit", *tables, "--recorder-beside", "--json"))
    assert form["windows"][0]["share"] == pytest.approx(1.0)
    form = json.loads(run("audit", *tables, "--recording-s", "6", "--json"))
    assert form["windows"][0]["t0_s"] == pytest.approx(-6.0 + form["windows"][0]["t1_s"])


@pytest.mark.parametrize("command", ["powergadget", "nvml"])
def test_a_missing_file_is_a_usage_error(tmp_path, command):
    with pytest.raises(UsageError, match=r"none\.csv"):
        run(command, tmp_path / "none.csv")


def test_a_broken_line_is_counted_and_named_with_its_number(file):
    said = run("nvml", file("n.csv", NVML.replace("40.0", "forty", 1)))
    assert "1 line was left out: 'forty' is no power (line" in said
    assert Flag.LINES_LEFT_OUT.sentence in said


def test_auto_says_what_it_took_a_log_for(file):
    said = run("auto", file("n.csv", NVML))
    assert said.startswith("n.csv: power of NVIDIA GPUs in CSV")
    form = json.loads(run("auto", file("n.csv", NVML), "--json"))
    assert form["taken_for"].startswith("power of NVIDIA GPUs")


def test_a_file_that_is_no_log_is_refused_with_what_is_known(file):
    with pytest.raises(UsageError, match=r"no log that is known.*powergadget"):
        run("auto", file("n.txt", "Dear diary,\n"))
    with pytest.raises(UsageError, match="--interval 'soon' is not"):
        run("auto", file("n.csv", NVML), "--interval", "soon")


def test_every_form_has_its_command():
    assert tuple(FORMATS) == ("auto", *names())
