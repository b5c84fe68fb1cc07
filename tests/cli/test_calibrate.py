"""The command calibrate, and the column that it gives to later results."""

import io
import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from llamawatt.analysis.estimates.wall_model import LevelPower
from llamawatt.app.machine.cpu_calibration import CpuCalibration
from llamawatt.cli import main as cli
from llamawatt.cli.calibrate import sentences
from llamawatt.cli.tables import print_run
from llamawatt.core.errors import MeterError
from llamawatt.core.machine import WallModel
from llamawatt.core.readings import Method
from llamawatt.core.trials import DomainEnergy
from llamawatt.host import power_supply
from llamawatt.host.cpu.topology import Topology
from llamawatt.meters.sensors.cpu.fitted import FittedCpu
from llamawatt.meters.sensors.cpu.model import Processor, rated_model
from llamawatt.meters.sensors.discover import Discovery
from llamawatt.report.content.source import source_of
from llamawatt.report.content.summary import summarise
from llamawatt.report.forms.run_json import run_json
from llamawatt.runs.store import Run
from llamawatt.wall.cpu_reference import CpuLevel
from llamawatt.wall.store import load_wall_model
from tests.meters.fakeplug import GEN2, plug_server
from tests.runs.records import machine, study, trial

MEASURED = tuple(
    LevelPower(n, power_w, 21.0 + 1.25 * power_w, 0.1, 0.1)
    for n, power_w in ((0, 8.0), (1, 20.0), (2, 32.0), (4, 60.0))
)
MODEL = WallModel(
    21.0, 1.25, 0.5, 0.02, 0.1, 4, ("cpu-package-0",), "2026-01-01T00:00:00Z", -0.9, (8.0, 60.0),
    gain_error=0.02,
)  # fmt: skip


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("LLAMAWATT_CONFIG", str(tmp_path))
    monkeypatch.setattr(power_supply, "on_battery", lambda: None)
    return tmp_path


def run(capsys, *arguments):
    code = cli.main(["calibrate", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def measuring(monkeypatch, found):
    def measure(bench, levels, load, clock, tell):
        assert "wall" in {domain.name for domain in bench.domains}
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr("llamawatt.wall.levels.measure_levels", measure)


def test_the_model_is_kept_and_told(monkeypatch, capsys, config):
    measuring(monkeypatch, MEASURED)
    with plug_server(GEN2) as plug:
        code, out, err = run(capsys, "--wall", plug.url, "--json")
    assert code == 0, err
    said = json.loads(out)
    assert said["method"] == "model"
    assert said["model"]["rest_w"] == pytest.approx(21.0)
    assert said["model"]["slope"] == pytest.approx(1.25)
    assert len(said["levels"]) == 4
    kept = load_wall_model(Path(said["path"]))
    assert kept.slope == said["model"]["slope"]
    assert Path(said["path"]).is_relative_to(config)
    assert "leave the machine alone" in err


def test_in_words_it_says_what_was_fitted(monkeypatch, capsys):
    measuring(monkeypatch, MEASURED)
    with plug_server(GEN2) as plug:
        code, out, _ = run(capsys, "--wall", plug.url)
    assert code == 0
    assert "wall = 21.0 W" in out
    assert "1.25 (±" in out
    assert "kept in" in out


def test_a_domain_that_is_itself_modelled_is_told():
    assert "calibrates a model" not in " ".join(sentences(MODEL))
    modelled = " ".join(sentences(replace(MODEL, modelled=("cpu-package-0",))))
    assert "cpu-package-0 is itself modelled" in modelled
    assert "calibrates a model" in modelled


def test_no_plug_is_exit_code_3(capsys, config):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        code, out, err = run(capsys, "--wall", url)
    assert (code, out) == (3, "")
    assert "The wall plug cannot be read" in err
    assert "does not answer" in err
    assert list(config.iterdir()) == []


def test_what_cannot_be_fitted_is_not_kept(monkeypatch, capsys, config):
    flat = tuple(replace(level, wall_w=50.0) for level in MEASURED)
    measuring(monkeypatch, flat)
    with plug_server(GEN2) as plug:
        code, out, err = run(capsys, "--wall", plug.url)
    assert (code, out) == (3, "")
    assert "does not stand out" in err
    assert list(config.iterdir()) == []


def test_a_plug_lost_midway_leaves_the_old_model(monkeypatch, capsys, config):
    measuring(monkeypatch, MEASURED)
    with plug_server(GEN2) as plug:
        path = Path(json.loads(run(capsys, "--wall", plug.url, "--json")[1])["path"])
        before = path.read_bytes()
        measuring(monkeypatch, MeterError("wall gave no energy.", "Check the plug."))
        assert run(capsys, "--wall", plug.url)[0] == 3
    assert path.read_bytes() == before


def test_on_battery_there_is_nothing_to_calibrate(monkeypatch, capsys):
    monkeypatch.setattr(power_supply, "on_battery", lambda: True)
    code, _, err = run(capsys, "--wall", "http://192.0.2.7")
    assert code == 2
    assert "runs on battery" in err


@pytest.mark.parametrize(
    "arguments", [["--seconds", "1"], ["--wall", "http://192.0.2.7", "--seconds", "1"]]
)
def test_wrong_usage_is_told(capsys, arguments):
    assert run(capsys, *arguments)[0] == 2


def run_of(wall_model):
    energy = {"cpu-package-0": DomainEnergy(100.0, 1.0, 3.0, Method.COUNTER, 50.0)}
    trials = tuple(
        replace(trial(n), energy=energy, window=replace(trial(n).window, duration_s=2.0))
        for n in range(4)
    )
    return Run(Path("run"), study(), replace(machine(), wall_model=wall_model), trials)


def told(wall_model):
    console = Console(file=io.StringIO(), width=80)
    print_run(summarise(source_of(run_of(wall_model))), console)
    return " ".join(console.file.getvalue().split())


def test_results_show_the_wall_marked_as_modelled():
    said = told(MODEL)
    assert "wall~ J" in said
    assert "~167" in said  # 21 W over 2 s, and 1.25 for each of 100 J
    assert "wall~ J is a model, not a measurement" in said
    assert "fitted on 2026-01-01 over 4 levels" in said
    assert "extrapolated" not in said


def test_beyond_the_calibrated_powers_it_says_so():
    assert "wall~ J is extrapolated" in told(replace(MODEL, range_w=(8.0, 30.0)))


def test_without_a_wall_model_there_is_no_such_column():
    assert "wall" not in told(None)


def result(wall_model):
    model = summarise(source_of(run_of(wall_model)))
    (cell,) = json.loads(run_json(model, "run"))["results"]
    return cell


def test_the_json_tells_the_wall_with_its_doubts():
    found = result(MODEL)["at_wall"]
    assert found["method"] == "model"
    assert found["energy_j"] == pytest.approx(21 * 2 + 1.25 * 100)
    assert (found["extrapolated"], found["gain_error"]) == (False, MODEL.gain_error)
    assert result(replace(MODEL, range_w=(8.0, 30.0)))["at_wall"]["extrapolated"]
    assert result(None)["at_wall"] is None


def test_without_a_plug_it_needs_something_that_sees_the_cpu(monkeypatch, capsys):
    monkeypatch.setattr(
        "llamawatt.app.machine.cpu_calibration.discover", lambda **_: Discovery((), ())
    )
    code, out, err = run(capsys)
    assert (code, out) == (3, "")
    assert "no battery discharges" in err
    assert "--wall" in err


def test_a_fit_of_the_cpu_is_told_beside_what_it_replaces(monkeypatch, capsys, tmp_path):
    model = rated_model(Processor("Mystery 9000", Topology.even(4, 2)))
    fitted = FittedCpu(
        "Mystery 9000",
        8,
        "its own energy counters",
        "2026-01-01T00:00:00Z",
        5.0,
        50.0,
        1.2,
        1.3,
        0.5,
        6,
    )
    found = CpuCalibration(fitted, (CpuLevel(0, 5.0, ()), CpuLevel(8, 55.0, ())), model, tmp_path)
    monkeypatch.setattr("llamawatt.app.machine.cpu_calibration.calibrate_cpu", lambda *_: found)
    code, out, _ = run(capsys)
    assert code == 0
    assert "×/÷ 1.3" in out
    assert "before:" in out
    code, out, _ = run(capsys, "--json")
    assert json.loads(out)["model"]["span_w"] == 50.0
