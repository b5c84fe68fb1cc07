"""What a simulation found, as plain values and as lines."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from llamawatt.gateway.policy.router import Policy
from llamawatt.gateway.profile_file import read_profile
from llamawatt.gateway.simulate.arrivals import (
    SYNTHETIC,
    Arrival,
    read_arrivals,
    synthetic,
    thinned,
)
from llamawatt.gateway.simulate.levers import Levers, play_levers
from llamawatt.gateway.simulate.play import Played


def simulate(trace: str, profile: Path | None, policy: Policy, one_in: float, seed: int) -> Levers:
    """Play a trace, by its name or file, with what each lever saves.

    Raises:
        UsageError: the trace does not hold, or thinning leaves nothing of it.
        SpecError: the profile does not hold.
    """
    costs = read_profile(profile)
    arrivals = synthetic(trace, seed) if trace in SYNTHETIC else read_arrivals(Path(trace))
    kept: Sequence[Arrival] = thinned(arrivals, one_in, seed) if one_in > 1 else arrivals
    return play_levers(kept or arrivals[:1], costs, policy)


def as_json(levers: Levers) -> dict[str, object]:
    """Return it as plain values."""
    return {
        "n_requests": levers.n_requests,
        "duration_s": levers.duration_s,
        "base": _played(levers.resident),
        "fixed": [_played(each) for each in levers.fixed],
        "best_fixed": levers.best_fixed.setup.name,
        "levers": [
            {"lever": name, "saving_share": share, **_played(played)}
            for name, played, share in levers.steps()
        ],
        "saving_share": levers.saving_share(),
    }


def _played(played: Played) -> dict[str, object]:
    spent = played.spent
    parts: Mapping[str, object] = {
        "energy_j": played.energy_j,
        "work_j": spent.work_j,
        "resident_j": spent.resident_j,
        "wake_j": spent.wake_j,
        "n_wakes": spent.n_wakes,
        "latency_median_s": played.latency_at_s(0.5),
        "latency_p95_s": played.latency_at_s(0.95),
        "n_by_target": dict(played.n_by_target),
    }
    return {"setup": played.setup.name, **parts}


def as_rows(levers: Levers) -> list[tuple[str, ...]]:
    """Return a table: setting, joules, what it saves of the base, latencies, wakes."""
    base_j = levers.resident.energy_j
    rows: list[tuple[str, ...]] = [("setting", "joules", "saves", "median", "95 %", "wakes")]
    named = [
        (levers.resident.setup.name, levers.resident, 0.0),
        *((f"+ {name}", played, share) for name, played, share in levers.steps()),
        *(
            (f"{each.setup.name} alone, resident, batching", each, 1 - each.energy_j / base_j)
            for each in levers.fixed
        ),
    ]
    for name, played, share in named:
        saved = "" if played is levers.resident else f"{share:+.1%}"
        median_s, late_s = played.latency_at_s(0.5), played.latency_at_s(0.95)
        rows.append(
            (
                name,
                f"{played.energy_j:,.0f}",
                saved,
                f"{median_s:.3g} s",
                f"{late_s:.3g} s",
                str(played.spent.n_wakes),
            )
        )
    return rows
