"""`study run --runs N`: what is printed while a whole study is repeated, and afterwards."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from llamawatt.app.assemble import now_text
from llamawatt.app.outcome import require_complete
from llamawatt.cli.outcome import run_shown
from llamawatt.core.format import percent_text
from llamawatt.core.metrics import METRICS

if TYPE_CHECKING:
    from llamawatt.analysis.compare.runs import Spreads
    from llamawatt.app.order import Order
    from llamawatt.app.repeat_runs import OneRun
    from llamawatt.runs.store import Run

TOLD = ("latency_s", "energy_j", "tok_per_s")
"""Figures whose spread between runs is printed."""


def repeated(order: "Order", n_runs: int, pause_s: float, *, quiet: bool, as_json: bool) -> None:
    """Carry out an order several times, keep the spread between the runs, and print it.

    Raises:
        LlamawattError: something the user should know; finished runs are on the disk.
    """
    from llamawatt.app.repeat_runs import Repeats, remember_spread, repeat_runs
    from llamawatt.app.running import new_run_path
    from llamawatt.core.clock import SystemClock

    def one(run: "OneRun") -> "Run":
        spec = order.spec.model_copy(update={"seed": run.seed})
        out, resume = (None, run.path) if run.goes_on else (run.path, None)
        return run_shown(replace(order, spec=spec, out=out, resume=resume), quiet=quiet)

    folder = order.resume or order.out or new_run_path(f"{order.spec.name}-runs", now_text())
    seed = random.SystemRandom().randrange(2**31) if order.spec.seed is None else order.spec.seed
    repeats = Repeats(folder, n_runs, pause_s, seed)
    if order.serving.url:
        _say("The server at --url is not started anew between the runs: their spread lacks that.")
    made = repeat_runs(repeats, one, SystemClock(), _say)
    for run in made:
        require_complete(run)
    spreads = remember_spread(made)
    if as_json:
        typer.echo(json.dumps(_json(made, spreads), indent=1))
        return
    for line in _lines(spreads):
        typer.echo(line)
    typer.echo(f"Compare other runs with these: llamawatt compare NEW --against {folder}")


def _lines(spreads: "Spreads") -> Iterator[str]:
    """Say how far the runs lie apart, metric by metric."""
    for metric in TOLD:
        found = [spread.relative for (name, _, _), spread in spreads.items() if name == metric]
        if found:
            yield (
                f"{METRICS[metric].label}: the means of whole runs lie "
                f"{percent_text(min(found))} to {percent_text(max(found))} apart (one standard "
                f"deviation; {len(found)} pairs of setting and suite)"
            )


def _json(made: "tuple[Run, ...]", spreads: "Spreads") -> dict[str, object]:
    return {
        "runs": [str(run.path) for run in made],
        "spreads": [
            {"metric": metric, "arm": arm, "suite": suite, "relative": spread.relative,
             "n_free": spread.n_free}
            for (metric, arm, suite), spread in spreads.items()
        ],
    }  # fmt: skip


def _say(text: str) -> None:
    typer.echo(text, err=True)
