"""A GPU's sensors on trial: the counter against momentary power, and what each of them sees.

    python benchmarks/sensors.py --server PATH --model REF [--out FILE.json]

1. Load steps (idle, one stream, many streams, prompts, idle): both sensors over each step.
2. A load that flickers at random: how long a stretch each update averages, and how late it is.
3. A step from idle to full load: rise and delay of momentary and of averaged power.
"""

import argparse
import json
import random
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from duty_cycle import fit_window
from step_response import step_response

from llamawatt.core.clock import SystemClock
from llamawatt.core.readings import Sample, Unavailable
from llamawatt.core.units import w_from_mw
from llamawatt.meters.energy.crosscheck import compare
from llamawatt.meters.sampling.instrument import MeterBench
from llamawatt.meters.sensors.discover import discover
from llamawatt.meters.sensors.nvml_library import load_nvml
from llamawatt.models.fetch.catalog import resolve_model
from llamawatt.targets.client import Client
from llamawatt.targets.dialects import Ask
from llamawatt.targets.launcher import ServerProcess, binary_program
from llamawatt.targets.spec import make_spec

STREAMS = 16
CLOCK = SystemClock()


def decode(client: Client, n_parallel: int) -> None:
    client.run([Ask("d", (300,), 64)] * n_parallel, n_parallel=n_parallel)


def prefill(client: Client, n_parallel: int) -> None:
    tokens = tuple(300 + number for number in range(1024))
    client.run([Ask("p", tokens, 1)] * n_parallel, n_parallel=n_parallel)


def step(work: Callable[[], None] | None, duration_s: float) -> tuple[float, float]:
    """Keep a load on for a while; return when it began and ended."""
    t0_s = CLOCK.now_s()
    while CLOCK.now_s() - t0_s < duration_s:
        if work is None:
            CLOCK.sleep_s(duration_s)
        else:
            work()
    return t0_s, CLOCK.now_s()


def load_steps(bench: MeterBench, client: Client, duration_s: float) -> list[dict[str, object]]:
    loads: dict[str, Callable[[], None] | None] = {
        "idle before": None,
        "decode, 1 stream": lambda: decode(client, 1),
        f"decode, {STREAMS} streams": lambda: decode(client, STREAMS),
        "prefill": lambda: prefill(client, 1),
        f"prefill, {STREAMS} streams": lambda: prefill(client, STREAMS),
        "idle after": None,
    }
    rows = []
    for length_s in (duration_s, duration_s / 4):
        for name, work in loads.items():
            bench.edge()
            t0_s, t1_s = step(work, length_s)
            bench.edge()
            readings = bench.energies(t0_s, t1_s, surrounded=False)
            rows.append(agreement(name, readings["gpu-0"], readings["gpu-0-instant"]))
            print(json.dumps(rows[-1]), flush=True)
    return rows


def agreement(name: str, counter: object, integral: object) -> dict[str, object]:
    if isinstance(counter, Unavailable) or isinstance(integral, Unavailable):
        return {"load": name, "error": f"{counter} {integral}"}
    found = compare(counter, integral)
    if isinstance(found, Unavailable):
        return {"load": name, "error": found.reason}
    return {
        "load": name,
        "duration_s": counter.duration_s,
        "counter_j": counter.energy_j,
        "counter_uncertainty_j": counter.uncertainty_j,
        "integral_j": integral.energy_j,
        "integral_uncertainty_j": integral.uncertainty_j,
        "relative_difference": found.relative,
        "allowed_j": found.allowed_j,
        "agrees": found.agrees,
    }


class Watch(threading.Thread):
    """Reads one thing densely, and keeps the moments at which it changed."""

    def __init__(self, read: Callable[[], float]) -> None:
        super().__init__(daemon=True)
        self.read, self.stopped = read, threading.Event()
        self.changes: list[tuple[float, float]] = []

    def run(self) -> None:
        """Read until stopped."""
        last = None
        while not self.stopped.is_set():
            before_s = CLOCK.now_s()
            value = self.read()
            t_s = (before_s + CLOCK.now_s()) / 2
            if last is not None and value != last:
                self.changes.append((t_s, value))
            last = value
            CLOCK.sleep_s(0.004)


def flicker(client: Client, duration_s: float) -> np.ndarray:
    """Put a load on and off at random; return when it was on, shape (n, 2)."""
    rng, spans = random.Random(1), []
    end_s = CLOCK.now_s() + duration_s
    while CLOCK.now_s() < end_s:
        CLOCK.sleep_s(rng.uniform(0.02, 0.15))
        n_generate = rng.choice([16, 32, 64, 96])
        record = client.run([Ask("f", (300,), n_generate)])[0]
        spans.append((record.t0_s, record.t0_s + record.latency_s))
    return np.array(spans)


def duty_cycles(client: Client, duration_s: float) -> dict[str, object]:
    nvml = load_nvml()
    if isinstance(nvml, Unavailable):
        raise SystemExit(nvml.reason)
    reads = {
        "nvml-counter": lambda: float(nvml.energy_mj(0)),
        "nvml-power-instant": lambda: float(nvml.instant_power_mw(0)),
        "nvml-power-average": lambda: float(nvml.average_power_mw(0)),
    }
    found: dict[str, object] = {}
    for name, read in reads.items():
        watch = Watch(read)
        watch.start()
        busy_s = flicker(client, duration_s)
        watch.stopped.set()
        watch.join()
        t_s = np.array([t for t, _ in watch.changes])
        value = np.array([v for _, v in watch.changes])
        if name == "nvml-counter":
            power_w = np.diff(value) * 1e-3 / np.diff(t_s)
            t_s = t_s[1:]
        else:
            power_w = value * 1e-3
        fit = fit_window(t_s, power_w, busy_s)
        found[name] = {
            "median_period_s": float(np.median(np.diff(t_s))) if len(t_s) > 2 else None,
            "fit": None if fit is None else asdict(fit),
        }
        print(json.dumps({name: found[name]}), flush=True)
    nvml.shutdown()
    return found


def steps(client: Client) -> dict[str, object]:
    nvml = load_nvml()
    if isinstance(nvml, Unavailable):
        raise SystemExit(nvml.reason)
    on = threading.Event()
    stop = threading.Event()

    def worker() -> None:
        while not stop.is_set():
            if on.wait(0.05):
                decode(client, STREAMS)

    threading.Thread(target=worker, daemon=True).start()

    def sampled(read: Callable[[int], int]) -> Sample:
        before_s = CLOCK.now_s()
        power_w = w_from_mw(read(0))
        return Sample((before_s + CLOCK.now_s()) / 2, power_w=power_w)

    answers: dict[str, object] = {}
    for name, read in (
        ("nvml-power-instant", nvml.instant_power_mw),
        ("nvml-power-average", nvml.average_power_mw),
    ):
        found = step_response(
            lambda read=read: sampled(read),
            lambda wanted: on.set() if wanted else on.clear(),
            CLOCK,
            0.1,
        )
        answers[name] = found.reason if isinstance(found, Unavailable) else asdict(found)
        print(json.dumps({name: answers[name]}), flush=True)
    stop.set()
    time.sleep(1.0)
    nvml.shutdown()
    return answers


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--server", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()

    spec = make_spec({"n_ctx": 2048 * STREAMS, "n_parallel": STREAMS, "n_gpu_layers": 999})
    server = ServerProcess(binary_program(args.server), resolve_model(args.model).path, spec)
    try:
        with Client(server.start(), STREAMS) as client:
            decode(client, STREAMS)
            found = discover()
            with MeterBench(found.meters, found.missing, calibration_s=3.0) as bench:
                calibrations = {n: asdict(c) for n, c in bench.calibrations.items()}
                device = next(d.device for d in bench.domains if d.name == "gpu-0")
                rows = load_steps(bench, client, args.seconds)
            duties = duty_cycles(client, 2.5 * args.seconds)
            answers = steps(client)
    finally:
        server.stop()
    result = {
        "device": device,
        "command": " ".join(sys.argv),
        "calibrations": calibrations,
        "load_steps": rows,
        "windows": duties,
        "step_responses": answers,
    }
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(result, indent=1) + "\n")
    long = [row for row in rows if row.get("duration_s", 0) >= 5]
    print(
        f"{device}: {sum(bool(row.get('agrees')) for row in long)} of {len(long)} windows of 5 s "
        "and more agree within their stated uncertainties"
    )
    return 0 if long and all(row.get("agrees") for row in long) else 1


if __name__ == "__main__":
    sys.exit(main())
