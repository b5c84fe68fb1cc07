"""How long a study takes at least: its windows, idles and pauses; replies may need longer."""

from llamawatt.study.plan import Plan
from llamawatt.study.spec import ProtocolSpec, StudySpec

SESSION_S = 3.0
"""Start, warm-up and stop of a small model, roughly."""
EDGE_S = 0.5
"""Hunting ticks before and after a window."""


def least_s(plan: Plan) -> float:
    """Return the least time of a plan: its minimum of repeats at its shortest windows."""
    n_sessions = len(plan.arms) if len(plan.arms) > 1 else 1
    return _block_s(plan.spec, len(plan.cells), n_sessions) * plan.spec.repeats_min


def spec_least_s(spec: StudySpec, n_models: int = 1) -> float:
    """Return the least time of a study of so many models, from its counts alone."""
    block_s = _block_s(spec.protocol, spec.n_cells(n_models), spec.n_arms(n_models))
    return block_s * spec.protocol.repeats_min


def _block_s(protocol: ProtocolSpec, n_cells: int, n_sessions: int) -> float:
    session_s = SESSION_S + protocol.cool_down_s + protocol.idle_s
    return n_cells * (protocol.window_min_s + EDGE_S) + n_sessions * session_s
