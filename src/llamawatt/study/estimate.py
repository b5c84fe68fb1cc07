"""How long a study takes at least: its windows, idles and pauses; replies may need longer."""

from llamawatt.core.format import duration_text
from llamawatt.study.plan import Plan
from llamawatt.study.spec import ProtocolSpec, StudySpec

SESSION_S = 3.0
"""Start, warm-up and stop of a small model, roughly."""
EDGE_S = 0.5
"""Hunting ticks before and after a window."""
LOOKS_S = 2.0
"""Looking whether bare idle is flat, where it is."""


def least_s(plan: Plan) -> float:
    """Return the least time of a plan: its minimum of repeats at its shortest windows."""
    return first_block_s(plan) * plan.spec.repeats_min


def first_block_s(plan: Plan) -> float:
    """Return the least time of the first block, which is finished whatever the budget."""
    return _block_s(plan.spec, len(plan.cells), len(plan.arms))


def budget_text(plan: Plan) -> str:
    """Say what the first block takes of the budget; empty without one."""
    budget_s = plan.spec.budget_s
    if budget_s is None:
        return ""
    block_s = first_block_s(plan)
    counts = f"settings: {len(plan.arms)}, windows: {len(plan.cells)}"
    if block_s > budget_s:
        return (
            f"The first block ({counts}) takes at least {duration_text(block_s)}, more than the "
            f"budget of {duration_text(budget_s)}. It is finished all the same, for without it "
            "there is nothing to compare; ask for fewer suites or settings for a shorter run."
        )
    return (
        f"The first block ({counts}) takes at least {duration_text(block_s)} of the budget of "
        f"{duration_text(budget_s)}, and is finished whatever it takes."
    )


def spec_least_s(spec: StudySpec, n_models: int = 1) -> float:
    """Return the least time of a study of so many models, from its counts alone."""
    block_s = _block_s(spec.protocol, spec.n_cells(n_models), spec.n_arms(n_models))
    return block_s * spec.protocol.repeats_min


def _block_s(protocol: ProtocolSpec, n_cells: int, n_sessions: int) -> float:
    session_s = SESSION_S + LOOKS_S + protocol.cool_down_s + protocol.idle_s
    return n_cells * (protocol.window_min_s + EDGE_S) + n_sessions * session_s
