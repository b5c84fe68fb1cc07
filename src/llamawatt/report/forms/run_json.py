"""A run as JSON on stdout: one entry per arm and suite, with intervals, methods and doubts."""

import json
from dataclasses import asdict

from llamawatt.analysis.assess import assess
from llamawatt.analysis.estimates.at_wall import reply_at_wall_j
from llamawatt.analysis.estimates.cells import Cell
from llamawatt.analysis.estimates.wall_model import is_extrapolated
from llamawatt.core.machine import WallModel
from llamawatt.core.metrics import METRICS
from llamawatt.core.readings import Method
from llamawatt.core.trials import Status, TrialRecord
from llamawatt.runs.store import Run


def run_json(run: Run) -> str:
    """Return a run's results as JSON."""
    found = assess(run.study, run.machine, run.trials).cells.values()
    return json.dumps(
        {
            "schema": run.study.schema,
            "run": str(run.path),
            "study": run.study.name,
            "seed": run.study.seed,
            "models": [asdict(model) for model in run.study.models],
            "boundary": list(run.study.boundary),
            "domains": [asdict(domain) for domain in run.machine.domains],
            "missing": [asdict(missing) for missing in run.machine.missing],
            "skipped": {arm.name: arm.skipped for arm in run.study.arms if arm.skipped},
            "failed": [_failure(trial) for trial in run.trials if trial.status is not Status.OK],
            "results": [_cell(cell, run.machine.wall_model) for cell in found],
        },
        indent=1,
    )


def _failure(trial: TrialRecord) -> dict[str, object]:
    return {
        "arm": trial.arm,
        "suite": trial.suite,
        "purpose": trial.purpose.value,
        "error": trial.error,
    }


def _cell(cell: Cell, wall: WallModel | None) -> dict[str, object]:
    estimates = {name: cell.estimate(name) for name in METRICS}
    return {
        "arm": cell.arm,
        "suite": cell.suite,
        "purpose": cell.purpose.value,
        "n": cell.n,
        "methods": sorted(method.value for method in cell.methods),
        "energy": {
            name: {
                "methods": sorted(method.value for method in domain.methods),
                "sources": sorted(domain.sources),
                "in_total": domain.in_total,
            }
            for name, domain in cell.domains.items()
        },
        "metrics": {
            name: None
            if found is None
            else {"value": found.value, "low": found.low, "high": found.high}
            for name, found in estimates.items()
        },
        "at_wall": None if wall is None else _at_wall(cell, wall),
        "flags": {flag.value: count for flag, count in cell.flags.items()},
    }


def _at_wall(cell: Cell, wall: WallModel) -> dict[str, object] | None:
    found, power = reply_at_wall_j(cell, wall), cell.estimate("power_w")
    if found is None or power is None:
        return None
    return {
        "method": Method.MODEL.value,
        "energy_j": found[0],
        "half_width_j": found[1],
        "gain_error": wall.gain_error,
        "extrapolated": is_extrapolated(wall, power.value),
    }
