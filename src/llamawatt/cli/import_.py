"""`llamawatt import FORMAT|auto|audit`: logs of other tools, and whether they saw the work."""

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
Log = Annotated[Path, typer.Argument(metavar="FILE", help="The log, as the tool wrote it.")]
Domain = Annotated[
    str | None,
    typer.Option("--domain", help="What to call what was recorded, where it is one device."),
]
Columns = Annotated[
    str,
    typer.Option(
        "--columns", help="Columns of a file without a header, as timestamp,index,power.draw."
    ),
]
Interval = Annotated[
    str | None,
    typer.Option("--interval", help="Time between samples of a file without times, as 1s, 100ms."),
]
Unit = Annotated[
    str | None, typer.Option("--unit", help="Unit of figures that name none: W, kW, Wh, kWh.")
]
FORMATS = {
    "auto": "Read a log of any form that is known, and say what it was taken for.",
    "powergadget": "Read a log of Intel Power Gadget, and check it against its own footer.",
    "hwinfo": "Read a sensor log of HWiNFO.",
    "codecarbon": "Read the totals of CodeCarbon's emissions.csv.",
    "llama-bench": "Read speeds from JSON of llama-bench; it holds no energy.",
    "home-assistant": "Read a history of Home Assistant: CSV or JSON.",
    "powermetrics": "Read what macOS' powermetrics writes: text or property lists.",
    "perf": "Read joules of perf stat: text, -x, or JSON.",
    "powerstat": "Read what powerstat prints.",
    "tegrastats": "Read what tegrastats of a Jetson prints.",
    "dmon": "Read what nvidia-smi dmon prints.",
    "turbostat": "Read what turbostat prints.",
    "rocm-smi": "Read power of AMD GPUs as rocm-smi writes it.",
    "amd-smi": "Read power of AMD GPUs as amd-smi writes it.",
    "gpu-z": "Read a sensor log of GPU-Z.",
    "nvml": "Read power of NVIDIA GPUs: CSV of nvidia-smi, or timestamp and power_w.",
}
"""Command → its help. The readers are in `llamawatt.imports`, which loads when one is called."""


def _add(name: str) -> None:
    def read(
        file: Log,
        domain: Domain = None,
        columns: Columns = "",
        interval: Interval = None,
        unit: Unit = None,
        as_json: options.Json = False,
    ) -> None:
        from llamawatt.imports.auto import read_log
        from llamawatt.imports.format import Options, interval_s_of

        told = Options(
            domain=domain,
            columns=tuple(column.strip() for column in columns.split(",") if column.strip()),
            interval_s=None if interval is None else interval_s_of(interval),
            unit=unit,
        )
        _tell_log(read_log(file, name, told), as_json=as_json)

    app.command(name, help=FORMATS[name])(read)


for _name in FORMATS:
    _add(_name)


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
    typer.echo(f"{log.source}: {log.title or log.tool}{began}")
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
    for speed in log.speeds:
        typer.echo(f"  {speed.name:16} {speed.tok_per_s:10.6g} tok/s   {speed.model}".rstrip())
    for sentence in (*(flag.sentence for flag in log.flags), *log.notes):
        typer.echo(f"  {sentence}")


def _log_form(log: "ImportedLog") -> dict[str, object]:
    return {
        "source": log.source,
        "tool": log.tool,
        "taken_for": log.title,
        "started_at": log.started_at.isoformat() if log.started_at else None,
        "flags": [flag.value for flag in log.flags],
        "notes": list(log.notes),
        "speeds": [
            {"name": speed.name, "tok_per_s": speed.tok_per_s, "model": speed.model}
            for speed in log.speeds
        ],
        "domains": {
            series.domain.name: {
                "method": series.domain.method.value,
                "energy_j": series.energy_j,
                "footer_j": log.footer_j.get(series.domain.name),
                "duration_s": series.duration_s,
                "n_samples": len(series.t_s),
                "in_total": series.domain.in_total,
                "device": series.domain.device,
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
