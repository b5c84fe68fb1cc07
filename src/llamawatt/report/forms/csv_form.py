"""The report's rows as CSV: one line per arm, suite, purpose and figure."""

import csv
import io

from llamawatt.core.metrics import METRICS
from llamawatt.report.model import ReportModel

COLUMNS = ("arm", "device", "suite", "purpose", "metric", "unit", "value", "low", "high",
           "interval", "n", "n_outliers", "gain", "methods", "modelled_share", "blind_to",
           "flags", "run", "model", "machine")  # fmt: skip
"""Headings of `summary.csv`. An empty field is "not measured", never zero."""


def summary_csv(model: ReportModel) -> str:
    """Return the CSV text, with full precision and SI units."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    models = {arm.name: arm.model for arm in model.study.arms}
    machine = " + ".join(dict.fromkeys((model.machine.cpu, *(g.name for g in model.machine.gpus))))
    for row in model.rows:
        for metric, made in row.estimates.items():
            info, told = METRICS[metric], model.metrics[metric]
            is_energy = info.is_energy
            writer.writerow(
                (
                    row.arm,
                    row.device,
                    row.suite,
                    row.purpose,
                    metric,
                    told.unit,
                    made.value,
                    made.low,
                    made.high,
                    made.method,
                    made.n,
                    made.n_outliers,
                    row.gain if is_energy else None,
                    " ".join(row.methods) if is_energy else None,
                    row.modelled_share if is_energy else None,
                    row.blind_to if is_energy else None,
                    " ".join(f"{flag}:{count}" for flag, count in row.flags.items()),
                    model.run,
                    models.get(row.arm, ""),
                    machine,
                )
            )
    return out.getvalue()
