"""Derive every energy of a run again from its raw traces, with nothing of llamawatt.

    python examples/audit/rederive.py examples/h100-tinyllama

A counter that ticks is read at its last tick before the window and its first after it; the idle power
around the window is taken off for the time between. One that moves with every read is read off at both
ends. Powers are integrated by trapezoids. Exit code 1 when an energy is off by more than it says.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq


def energy_j(rows: list[dict], t0_s: float, t1_s: float, idle_w: float) -> float:
    """Joules of one domain between two moments."""
    t_s = np.array([row["t_s"] for row in rows])
    if rows[0]["power_w"] is not None:
        power_w = np.array([row["power_w"] for row in rows])
        at_s = np.concatenate([[t0_s], t_s[(t_s > t0_s) & (t_s < t1_s)], [t1_s]])
        return float(np.trapezoid(np.interp(at_s, t_s, power_w), at_s))
    value_j = np.array([row["energy_j"] for row in rows])
    if (np.diff(value_j) > 0).all():
        return float(np.diff(np.interp([t0_s, t1_s], t_s, value_j))[0])
    ticks = np.flatnonzero((np.diff(value_j) > 0) & (np.diff(t_s) < 0.02)) + 1
    first, last = ticks[t_s[ticks] <= t0_s][-1], ticks[t_s[ticks - 1] >= t1_s][0]
    spare_s = (t_s[last] + t_s[last - 1] - t_s[first] - t_s[first - 1]) / 2 - (t1_s - t0_s)
    return float(value_j[last] - value_j[first] - idle_w * spare_s)


off, beyond = [], 0
for line in Path(sys.argv[1], "trials.jsonl").read_text().splitlines():
    trial = json.loads(line)
    file, window = Path(sys.argv[1], "traces", f"{trial['trial_id']}.parquet"), trial["window"]
    for name, told in trial["energy"].items() if file.exists() else ():
        rows = [row for row in pq.read_table(file).to_pylist() if row["domain"] == name]
        idle_w = trial["idle"]["model"][name]["power_w"]
        off.append(energy_j(rows, window["t0_s"], window["t1_s"], idle_w) / told["energy_j"] - 1)
        beyond += abs(off[-1]) > 0.002 + told["uncertainty_j"] / told["energy_j"]
print(f"{len(off)} energies: off by {np.median(np.abs(off)):.3%} (median), {beyond} beyond their error")
sys.exit(not off or beyond > 0)
