"""Raw samples as power over time, thinned without losing energy."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from llamawatt.core.readings import Domain, Method, Quantity
from llamawatt.core.trials import TrialRecord
from llamawatt.report.model import PowerTrace, TraceLine
from llamawatt.runs.samples import RawTrace

N_POINTS = 600
"""Most points of a drawn line; more are averaged in equal stretches of time."""

MODEL_STEP_S = 0.25
"""Shortest drawn step of a modelled power. Systems count CPU time in ticks of up to 10 ms, so that
between dense reads a tick looks like many times the power there is."""

Floats = NDArray[np.float64]


def power_trace(
    trial: TrialRecord, traces: Mapping[str, RawTrace], domains: Sequence[Domain] = ()
) -> PowerTrace | None:
    """Return the power around a trial's window; None when no domain has samples.

    Args:
        trial: The trial.
        traces: Its samples, by domain.
        domains: What was read: says which domain cross-checks which, so that each thing is drawn
            once.
    """
    lines = []
    twice = _drawn_twice(traces, domains)
    for name, raw in traces.items():
        if name in twice:
            continue
        t_s, power_w = power_series(raw)
        if power_w.size:
            part = trial.energy.get(name)
            method = Method.INTEGRAL if part is None else part.method
            n_points = N_POINTS
            if method is Method.MODEL:
                n_points = max(1, min(N_POINTS, int((t_s[-1] - t_s[0]) / MODEL_STEP_S)))
            t_s, power_w = thinned(t_s - trial.window.t0_s, power_w, n_points)
            lines.append(TraceLine(name, method, _rounded(t_s), _rounded(power_w)))
    if not lines:
        return None
    return PowerTrace(
        trial_id=trial.trial_id,
        arm=trial.arm,
        suite=trial.suite,
        duration_s=trial.window.duration_s,
        request_starts_s=_rounded(
            np.array([request.t0_s - trial.window.t0_s for request in trial.requests])
        ),
        lines=tuple(lines),
        idle_w={name: idle.power_w for name, idle in trial.idle.get("model", {}).items()},
        flags=trial.flags,
    )


def _drawn_twice(traces: Mapping[str, RawTrace], domains: Sequence[Domain]) -> set[str]:
    """Return the domains to leave out, of each domain and the one that cross-checks it.

    A slow counter knows energy at its ticks, not at the reads: its curve has false steps where
    reads are dense. Where the other of the two reads power, that draws the truer picture.
    """
    known = {domain.name: domain for domain in domains if domain.name in traces}
    twice = set()
    for check in known.values():
        checked = known.get(check.checks or "")
        if checked is not None:
            reads_power = check.quantity is Quantity.POWER
            twice.add(checked.name if reads_power else check.name)
    return twice


def power_series(raw: RawTrace) -> tuple[Floats, Floats]:
    """Return power as steps: `power_w[i]` from `t_s[i]` to `t_s[i + 1]`.

    A counter gives the mean power between its changes; reads that saw no change are no knots, and
    a counter that runs backwards (a wrap) leaves a gap of NaN.

    Returns:
        Times, shape (n + 1,), and watts, shape (n,); both empty without two samples.
    """
    if raw.energy_j is not None:
        known = np.isfinite(raw.energy_j)
        t_s, energy_j = raw.t_s[known], raw.energy_j[known]
        changed = np.concatenate([[True], np.diff(energy_j) != 0]) if t_s.size else known[:0]
        t_s, energy_j = t_s[changed], energy_j[changed]
        steps_j, steps_s = np.diff(energy_j), np.diff(t_s)
        forward = (steps_j >= 0) & (steps_s > 0)
        power_w = np.full(steps_j.shape, np.nan)
        np.divide(steps_j, steps_s, out=power_w, where=forward)
        return t_s, power_w
    if raw.power_w is None:
        return np.empty(0), np.empty(0)
    known = np.isfinite(raw.power_w)
    t_s, samples_w = raw.t_s[known], raw.power_w[known]
    return t_s, (samples_w[:-1] + samples_w[1:]) / 2


def thinned(t_s: Floats, power_w: Floats, n_points: int = N_POINTS) -> tuple[Floats, Floats]:
    """Average steps into at most `n_points` stretches of equal time; their energy is kept."""
    if power_w.size <= n_points:
        return t_s, power_w
    knots_s = np.linspace(t_s[0], t_s[-1], n_points + 1)
    cumulative_j = np.concatenate([[0.0], np.cumsum(np.nan_to_num(power_w) * np.diff(t_s))])
    return knots_s, np.diff(np.interp(knots_s, t_s, cumulative_j)) / np.diff(knots_s)


def _rounded(values: Floats) -> tuple[float, ...]:
    """Round to a millisecond or milliwatt: the report is for reading, the traces stay."""
    return tuple(np.round(values, 3).tolist())
