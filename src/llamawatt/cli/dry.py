"""What a study would take, before it is run."""

import json
from dataclasses import asdict

import typer

from llamawatt.app.assemble import find_abilities, now_text, resolve
from llamawatt.app.sources import find_study_models
from llamawatt.cli.running import Order
from llamawatt.core.errors import MeterError, UsageError
from llamawatt.core.format import duration_text, energy_text, power_text
from llamawatt.meters.sampling.instrument import MeterBench
from llamawatt.study.estimate import least_s, spec_least_s
from llamawatt.study.plan import ASK_ABOVE_ARMS, Circumstances, Plan
from llamawatt.study.spec import StudySpec

IDLE_LOOK_S = 2.0
"""How long idle power is looked at for the estimate."""


def confirm_size(spec: StudySpec, n_models: int, *, yes: bool) -> None:
    """Refuse a huge study that was not confirmed, before its arms are even made.

    Raises:
        UsageError: there are very many arms and no `--yes`.
    """
    n_arms = spec.n_arms(n_models)
    if n_arms > ASK_ABOVE_ARMS and not yes:
        raise UsageError(
            f"{spec.name} has {n_arms} arms and would take at least "
            f"{duration_text(spec_least_s(spec, n_models))}.",
            "Say --yes to run it, or make its grid smaller.",
        )


def print_plan(order: Order, *, as_json: bool) -> None:
    """Print the arms, suites and the least time of a study, without starting anything."""
    models = find_study_models(order.spec, order.models, order.serving, only_look=True)
    abilities = find_abilities(order.serving, want_gpu=order.spec.wants_gpu)
    here = Circumstances(abilities, (), order.serving.kind, "", now_text(), only_look=True)
    plan = resolve(order.spec, models, here)
    idle_w = _idle_w(order)
    if as_json:
        typer.echo(_plan_json(plan, idle_w))
        return
    for arm in plan.study.arms:
        groups = ", ".join((arm.group, *arm.also_in))
        state = f"skipped: {arm.skipped}" if arm.skipped else "runs"
        typer.echo(f"{arm.name}  ({groups})  {state}")
    for note in plan.notes:
        typer.echo(f"note: {note}")
    typer.echo(
        f"{len(plan.cells)} pairs of arm and suite, {plan.spec.repeats_min} to "
        f"{plan.spec.repeats_max} repeats: at least {duration_text(least_s(plan))}, more where "
        "replies are slow or noisy."
    )
    if plan.spec.budget_s is not None:
        typer.echo(
            f"The budget of {duration_text(plan.spec.budget_s)} ends it earlier, but not before "
            "every arm has had one repeat."
        )
    typer.echo(_energy_text(plan, idle_w))


def _idle_w(order: Order) -> float | None:
    """Measure what the machine draws now, over all domains that would be summed."""
    found = order.metering.discover(want_gpu=order.wants_gpu)
    try:
        with MeterBench(found.meters, found.missing) as bench:
            powers = bench.idle(IDLE_LOOK_S)
            parts = [powers[name].power_w for name in bench.boundary if name in powers]
    except MeterError:
        return None
    return sum(parts) if parts else None


def _energy_text(plan: Plan, idle_w: float | None) -> str:
    if idle_w is None:
        return "Energy: cannot be told, nothing can be metered here."
    return (
        f"Energy: at least {energy_text(idle_w * least_s(plan))}, at the {power_text(idle_w)} "
        "that the machine draws now; work adds to it."
    )


def _plan_json(plan: Plan, idle_w: float | None) -> str:
    return json.dumps(
        {
            "study": plan.study.name,
            "arms": [asdict(arm) for arm in plan.study.arms],
            "suites": [asdict(suite) for suite in plan.study.suites],
            "notes": list(plan.notes),
            "seed": plan.study.seed,
            "models": [asdict(model) for model in plan.study.models],
            "protocol": asdict(plan.study.protocol),
            "n_cells": len(plan.cells),
            "cells": [asdict(cell) for cell in plan.cells],
            "repeats_min": plan.spec.repeats_min,
            "repeats_max": plan.spec.repeats_max,
            "least_s": least_s(plan),
            "idle_w": idle_w,
            "least_j": None if idle_w is None else idle_w * least_s(plan),
        },
        indent=1,
    )
