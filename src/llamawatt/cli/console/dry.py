"""Prints what a study would take, before it is run."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from llamawatt.core.format import duration_text, energy_text, power_text

if TYPE_CHECKING:
    from llamawatt.app.dry_run import DryRun


def print_plan(found: "DryRun", *, as_json: bool) -> None:
    """Print the arms, suites, least time and least energy of a study."""
    if as_json:
        typer.echo(json.dumps(_form(found), indent=1))
        return
    plan = found.plan
    for arm in plan.study.arms:
        groups = ", ".join((arm.group, *arm.also_in))
        state = f"skipped: {arm.skipped}" if arm.skipped else "runs"
        typer.echo(f"{arm.name}  ({groups})  {state}")
    for note in plan.notes:
        typer.echo(f"note: {note}")
    typer.echo(
        f"{len(plan.cells)} pairs of arm and suite, {plan.spec.repeats_min} to "
        f"{plan.spec.repeats_max} repeats: at least {duration_text(found.least_s)}, more where "
        "replies are slow or noisy."
    )
    if plan.spec.budget_s is not None:
        typer.echo(
            f"The budget of {duration_text(plan.spec.budget_s)} ends it earlier, but not before "
            "every arm has had one repeat."
        )
    typer.echo(_energy_text(found))


def _energy_text(found: "DryRun") -> str:
    if found.least_j is None:
        return "Energy: not known, since nothing can be metered here."
    return (
        f"Energy: at least {energy_text(found.least_j)}, at the {power_text(found.idle_w)} that "
        "the machine draws now; work adds to it."
    )


def _form(found: "DryRun") -> dict[str, object]:
    plan = found.plan
    return {
        "study": plan.study.name,
        "seed": plan.study.seed,
        "models": [asdict(model) for model in plan.study.models],
        "arms": [asdict(arm) for arm in plan.study.arms],
        "suites": [asdict(suite) for suite in plan.study.suites],
        "protocol": asdict(plan.study.protocol),
        "notes": list(plan.notes),
        "n_cells": len(plan.cells),
        "cells": [asdict(cell) for cell in plan.cells],
        "repeats_min": plan.spec.repeats_min,
        "repeats_max": plan.spec.repeats_max,
        "least_s": found.least_s,
        "idle_w": found.idle_w,
        "least_j": found.least_j,
    }
