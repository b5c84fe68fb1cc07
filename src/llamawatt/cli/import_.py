"""`llamawatt import powergadget|nvml|audit`: logs of other tools, and whether they saw the work."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llamawatt.cli import options

if TYPE_CHECKING:
    from llamawatt.imports.audit_tables import AuditedTables
    from llamawatt.imports.recorded import ImportedLog

app = typer.Typer(
    help="Read other tools' energy logs, and audit other people's energies.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Log = Annotated[Path, typer.Argument(metavar="FILE", help="The log, as CSV.")]


@app.command()
def powergadget(file: Log, as_json: options.Json = False) -> None:
    """Read a log of Intel Power Gadget, and check it against its own footer."""
    from llamawatt.imports.powergadget import read_power_gadget

    _tell_log(read_power_gadget(file), as_json=as_json)


@app.command()
def nvml(
    file: Log,
    domain: Annotated[str, typer.Option("--domain", help="What to call the GPU.")] = "gpu-0",
    as_json: options.Json = False,
) -> None:
    """Read NVML power samples: a CSV with timestamp and power_w."""
    from llamawatt.imports.csv_log import read_nvml_csv

    _tell_log(read_nvml_csv(file, domain), as_json=as_json)


@app.command()
def audit(
    latencies: Annotated[
        Path,
        typer.Argument(help="CSV: timestamp, run_id, backend, prompt_id, latency_ms."),
    ],
    energies: Annotated[
        Path,
        typer.Argument(help="CSV: timestamp, backend, energy_joules, notes (prompt=ID)."),
    ],
    recording_s: Annotated[
        float, typer.Option("--recording-s", min=0.001, help="Length of a recording, seconds.")
    ] = 5.0,
    recorder_blocks: Annotated[
        bool,
        typer.Option(
            "--recorder-blocks/--recorder-beside",
            help="Whether the model started only after its recording had ended.",
        ),
    ] = True,
    as_json: options.Json = False,
) -> None:
    """Tell what share of each energy window overlaps the work that it is said to be of."""
    from llamawatt.imports.audit_tables import audit_tables

    found = audit_tables(
        latencies, energies, recording_s=recording_s, recorder_blocks=recorder_blocks
    )
    if as_json:
        _tell_json(_audit_form(found))
        return
    for row in found.audit.rows:
        window = row.window
        typer.echo(f"{window.name:32} {window.energy_j:10.4g} J   {row.share:4.0%} of it is work")
    typer.echo(f"\n{found.audit.verdict}\n{found.assumption}")
    if found.n_unmatched:
        typer.echo(f"{found.n_unmatched} energies belong to no request of the latency table.")


def _tell_log(log: "ImportedLog", *, as_json: bool) -> None:
    if as_json:
        _tell_json(_log_form(log))
        return
    began = f", begun {log.started_at.isoformat(' ')}" if log.started_at else ""
    typer.echo(f"{log.source} ({log.tool}{began})")
    for series in log.series:
        mean_w = series.energy_j / series.duration_s
        line = (
            f"  {series.domain.name:16} {series.energy_j:10.6g} J in {series.duration_s:.3f} s, "
            f"{mean_w:.4g} W mean, {len(series.t_s)} samples"
        )
        footer_j = log.footer_j.get(series.domain.name)
        if footer_j is not None:
            line += f"; the log's own total is {footer_j:.6g} J"
        typer.echo(line)
    for sentence in (*(flag.sentence for flag in log.flags), *log.notes):
        typer.echo(f"  {sentence}")


def _log_form(log: "ImportedLog") -> dict[str, object]:
    return {
        "source": log.source,
        "tool": log.tool,
        "started_at": log.started_at.isoformat() if log.started_at else None,
        "flags": [flag.value for flag in log.flags],
        "notes": list(log.notes),
        "domains": {
            series.domain.name: {
                "method": series.domain.method.value,
                "energy_j": series.energy_j,
                "footer_j": log.footer_j.get(series.domain.name),
                "duration_s": series.duration_s,
                "n_samples": len(series.t_s),
                "in_total": series.domain.in_total,
            }
            for series in log.series
        },
    }


def _audit_form(found: "AuditedTables") -> dict[str, object]:
    return {
        "verdict": found.audit.verdict,
        "assumption": found.assumption,
        "n_windows": len(found.audit.rows),
        "n_overlapping": found.audit.n_touching,
        "n_unmatched": found.n_unmatched,
        "work_s": found.audit.work_s,
        "covered_s": found.audit.covered_s,
        "windows": [
            {
                "name": row.window.name,
                "t0_s": row.window.t0_s,
                "t1_s": row.window.t1_s,
                "energy_j": row.window.energy_j,
                "overlap_s": row.overlap_s,
                "share": row.share,
                "requests": list(row.requests),
            }
            for row in found.audit.rows
        ],
    }


def _tell_json(form: dict[str, object]) -> None:
    import json

    typer.echo(json.dumps(form, indent=1))
