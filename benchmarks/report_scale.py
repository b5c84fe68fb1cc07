"""How long a report of a very large run takes, and how much memory.

Writes a run of 100,000 trials and a trace of 1,000,000 samples, then makes its report in a process
of its own. Prints both figures over their limits; exits 1 when either is above one.

    python benchmarks/report_scale.py [--trials 100000] [--samples 1000000]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from llamawatt.analysis.estimates.metrics import domain_energy, trial_metrics
from llamawatt.core.machine import MachineRecord
from llamawatt.core.plan import ArmRecord, ModelRecord, ProtocolRecord, StudyRecord, SuiteRecord
from llamawatt.core.readings import Domain, DomainKind, EnergyReading, Method, Quantity
from llamawatt.core.trials import (
    SCHEMA,
    IdlePower,
    Purpose,
    RequestRecord,
    Status,
    TrialRecord,
    Window,
)
from llamawatt.runs import schema
from llamawatt.runs.samples import RawTrace
from llamawatt.runs.store import RunWriter
from llamawatt.runs.traces import write_trace

LIMIT_S = 5.0
LIMIT_BYTES = 500e6

SUITES = {"short_dialogue": 64, "analytical_reasoning": 160, "narrative_generation": 256}
DOMAINS = (
    Domain("cpu-package-0", DomainKind.CPU_PACKAGE, Quantity.ENERGY, Method.COUNTER, "rapl"),
    Domain("gpu-0", DomainKind.GPU, Quantity.ENERGY, Method.COUNTER, "nvml-counter"),
)
ARMS = {  # tokens per second, watts by domain
    "cpu": (30.0, (55.0, 12.0)),
    "gpu": (145.0, (24.0, 125.0)),
    "cpu n_threads=1": (9.0, (17.0, 12.0)),
    "cpu n_threads=4": (26.0, (39.0, 12.0)),
}
N_REQUESTS = 4

CHILD = """
import resource, sys, time
from pathlib import Path
t0_s = time.perf_counter()
from llamawatt.report.forms.write import write_report
files = write_report(Path(sys.argv[1]))
took_s = time.perf_counter() - t0_s
scale = 1 if sys.platform == "darwin" else 1024
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
print(took_s, peak, files.model.n_trials, len(files.figures))
"""


def study() -> StudyRecord:
    arms = []
    for name in ARMS:
        device = name.split()[0]
        group = "threads" if "=" in name else "baseline"
        factors = {"device": device}
        if "=" in name:
            factors["n_threads"] = int(name.split("=")[1])
        arms.append(ArmRecord(name, group, device, "m", factors))
    suites = tuple(SuiteRecord(name, "00" * 32, 4, n) for name, n in SUITES.items())
    protocol = ProtocolRecord(5.0, 50, 2.0, 3, 10**6, 0.001, "energy_j", 1.0, True)
    model = ModelRecord("m", "m.gguf", "00" * 32, 6 * 10**8, bytes_per_token=6e8)
    boundary = tuple(domain.name for domain in DOMAINS)
    return StudyRecord(SCHEMA, "scale", 1, (model,), tuple(arms), suites, protocol, boundary)


def trial(order: int, rng: np.random.Generator) -> TrialRecord:
    arm, suite = list(ARMS)[order % 4], list(SUITES)[order // 4 % 3]
    speed, watts = ARMS[arm]
    pace = float(np.exp(0.02 * rng.standard_normal()))
    n, reply_s, t0_s = SUITES[suite], pace * SUITES[suite] / speed, 40.0 * order
    requests = tuple(
        RequestRecord(f"{suite}-{i}", 30, n, reply_s, 0.1, 0.1, reply_s - 0.1, t0_s + i * reply_s,
                      {"latency_s": "client", "decode_s": "server"}, 0, "length")
        for i in range(N_REQUESTS)
    )  # fmt: skip
    window = Window(t0_s, t0_s + N_REQUESTS * reply_s, N_REQUESTS * reply_s)
    idle = {
        level: {d.name: IdlePower(10.0, 0.1, 2.0, d.method) for d in DOMAINS}
        for level in ("bare", "model")
    }
    energy = {}
    for domain, power_w in zip(DOMAINS, watts, strict=True):
        joules = power_w * window.duration_s
        reading = EnergyReading(
            domain.name, domain.method, joules, 0.5, 0.03 * joules, window.t0_s, window.t1_s
        )
        energy[domain.name] = domain_energy(reading, domain, idle["model"][domain.name])
    block = order // 12
    made = TrialRecord(
        SCHEMA, f"b{block:06d}-{arm}-{suite}", arm, {}, suite, block, block, order, Purpose.SUITE,
        Status.OK, window, requests, energy, idle,
    )  # fmt: skip
    return replace(made, metrics=trial_metrics(made))


def write_run(path: Path, n_trials: int, n_samples: int) -> None:
    rng = np.random.default_rng(1)
    machine = MachineRecord("0", "Linux", "A CPU", 12, 6, 1 << 34, domains=DOMAINS)
    RunWriter.create(path, study(), machine).close()
    with (path / "trials.jsonl").open("wb") as file:
        for order in range(n_trials):
            made = trial(order, rng)
            file.write(schema.to_line(made))
            if order < 2:
                write_trace(path, made.trial_id, traces(made.window, n_samples // 4))


def traces(window: Window, n_samples: int) -> dict[str, RawTrace]:
    t_s = np.linspace(window.t0_s - 3, window.t1_s + 3, n_samples)
    power_w = 20 + 5 * np.sin(t_s)
    return {domain.name: RawTrace(t_s, None, power_w) for domain in DOMAINS}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--samples", type=int, default=1_000_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run"
        write_run(path, asked.trials, asked.samples)
        n_bytes = (path / "trials.jsonl").stat().st_size
        child = subprocess.run(
            [sys.executable, "-c", CHILD, str(path)], check=True, capture_output=True, text=True
        )
    took_s, peak, n_trials, n_figures = map(float, child.stdout.split())
    found = {
        "time_over_limit": took_s / LIMIT_S,
        "memory_over_limit": peak / LIMIT_BYTES,
        "time_s": took_s,
        "peak_bytes": peak,
        "n_trials": n_trials,
        "n_samples": asked.samples,
        "trials_bytes": n_bytes,
        "figure_files": n_figures,
    }
    print(json.dumps(found))
    return 0 if took_s <= LIMIT_S and peak <= LIMIT_BYTES and n_trials == asked.trials else 1


if __name__ == "__main__":
    sys.exit(main())
