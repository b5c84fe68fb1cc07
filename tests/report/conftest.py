from dataclasses import replace

import pytest

from llamawatt.report.figures import registry
from llamawatt.report.forms.write import write_report
from llamawatt.runs.store import RunWriter, read_run
from llamawatt.runs.traces import write_trace
from tests.analysis.synthetic import IDLE_W, Factory, paper_arms, trace

DATE = "2026-01-06"


def write_run(path, traced=("cpu", "gpu"), bandwidth=True, **options):
    """Write a synthetic run as a real run directory."""
    run = Factory(**options).run(path)
    machine = run.machine
    if bandwidth:
        machine = replace(machine, bandwidth_bytes_per_s={"cpu": 42e9, "gpu-0": 330e9})
    writer = RunWriter.create(path, run.study, machine)
    for trial in run.trials:
        writer.append_trial(trial)
    for event in run.events:
        writer.append_event(event)
    writer.close()
    for arm in traced:
        first = next(t for t in run.trials if t.arm == arm and t.purpose == "suite")
        write_trace(path, first.trial_id, {
            name: trace(first.window, IDLE_W["model"][name], part.mean_power_w)
            for name, part in first.energy.items()
        })  # fmt: skip
    return path


@pytest.fixture
def only_plots(monkeypatch):
    """Draw the named figures alone, where the others are not what is tested."""

    def keep(*names):
        original = registry.figures_of
        monkeypatch.setattr(
            registry, "figures_of", lambda model: [f for f in original(model) if f.name in names]
        )

    return keep


@pytest.fixture(scope="session")
def paper(tmp_path_factory):
    """A whole study with its report."""
    path = write_run(tmp_path_factory.mktemp("paper") / "run")
    return write_report(read_run(path), made_at=DATE)


@pytest.fixture
def small(tmp_path):
    """A baseline of three repeats, without traces."""
    return write_run(tmp_path / "small", (), arms=paper_arms()[:2], n_blocks=3, phases=False)
