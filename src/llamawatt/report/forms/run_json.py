"""A run as JSON on stdout: one entry per arm and suite, with intervals, methods and doubts."""

import json
from dataclasses import asdict

from llamawatt.report.model import ReportModel, Row


def run_json(model: ReportModel, path: str) -> str:
    """Return a run's results as JSON.

    Args:
        model: The run, as all forms show it.
        path: Where it is.
    """
    study, machine = model.study, model.machine
    return json.dumps(
        {
            "schema": study.schema,
            "run": path,
            "study": study.name,
            "seed": study.seed,
            "models": [asdict(each) for each in study.models],
            "boundary": list(study.boundary),
            "domains": [asdict(domain) for domain in machine.domains],
            "missing": [asdict(missing) for missing in machine.missing],
            "skipped": {arm.name: arm.skipped for arm in study.arms if arm.skipped},
            "failed": [asdict(failure) for failure in model.failures],
            "units": {key: facts.unit for key, facts in model.metrics.items()},
            "results": [_result(row, model) for row in model.rows],
        },
        indent=1,
    )


def _result(row: Row, model: ReportModel) -> dict[str, object]:
    return {
        "arm": row.arm,
        "suite": row.suite,
        "purpose": row.purpose,
        "n": row.n,
        "methods": list(row.methods),
        "energy": {
            name: {
                "methods": list(domain.methods),
                "sources": list(domain.sources),
                "in_total": domain.in_total,
            }
            for name, domain in row.domains.items()
        },
        "metrics": {key: _figure(row, key) for key in model.metrics},
        "at_wall": None if row.at_wall is None else asdict(row.at_wall),
        "flags": {str(flag): count for flag, count in row.flags.items()},
    }


def _figure(row: Row, key: str) -> dict[str, float | None] | None:
    made = row.estimates.get(key)
    return None if made is None else {"value": made.value, "low": made.low, "high": made.high}
