"""Joules by phase: what a prompt token and a generated token cost, and what idling takes.

The model is `E = P_idle * t + e_prefill * n_prompt + e_decode * n_generated`, per window. Within
one arm the time `t` is itself almost a sum over tokens, so the three cannot be told apart from one
another by regression; `P_idle` is therefore not fitted but taken from the idle windows, and the
regression is of the energy above idle on the tokens. Rows are weighted by `1 / E`, as scatter grows
with the energy. Dedicated windows solve the same equation for both costs, block by block.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from llamawatt.analysis.estimates.cells import Cell, CellKey
from llamawatt.analysis.estimates.stats import Estimate, Floats, IntervalMethod, estimate
from llamawatt.core.trials import Purpose

CONDITION_MAX = 20.0
"""Beyond this condition number the suites' token mixes are too alike to be told apart."""

_N_MIN = 4


@dataclass(frozen=True, slots=True)
class PhaseCost:
    """Joules per token of each phase, above model-resident idle.

    Attributes:
        prefill_j_per_token: Per prompt token evaluated.
        decode_j_per_token: Per generated token.
        n: Windows (regression) or blocks (dedicated).
    """

    prefill_j_per_token: Estimate
    decode_j_per_token: Estimate
    n: int


@dataclass(frozen=True, slots=True)
class Attribution:
    """Phase costs of one arm, by both ways where the windows allow.

    Attributes:
        arm: Name of the arm.
        regression: From the suites' windows; None when `why_not` says so.
        dedicated: From prefill-only and decode-only windows; None without them.
        agree: Whether both ways agree within their intervals; None without both.
        why_not: Why there is no regression; empty when there is.
    """

    arm: str
    regression: PhaseCost | None
    dedicated: PhaseCost | None
    agree: bool | None
    why_not: str = ""

    @property
    def best(self) -> PhaseCost | None:
        """The dedicated costs if there are any: they need no difference between suites."""
        return self.dedicated or self.regression


@dataclass(frozen=True, slots=True)
class PhaseSplit:
    """Where the joules of one reply go. Their sum is the measured energy.

    Attributes:
        arm: Name of the arm.
        suite: Name of the suite.
        idle_j: Idle power, model resident, times the window's length.
        prefill_j: Prompt tokens times their cost.
        decode_j: Generated tokens times their cost.
        rest_j: What the three leave; large when the model does not fit, and may be negative.
    """

    arm: str
    suite: str
    idle_j: float
    prefill_j: float
    decode_j: float
    rest_j: float


def attribute(arm: str, cells: Mapping[CellKey, Cell]) -> Attribution:
    """Return the phase costs of one arm."""
    own = [cell for (name, _, _), cell in cells.items() if name == arm]
    suites = [cell for cell in own if cell.purpose is Purpose.SUITE]
    regression, why_not = _regression(suites)
    dedicated = _dedicated(own)
    agree = None
    if regression is not None and dedicated is not None:
        agree = _overlap(regression.prefill_j_per_token, dedicated.prefill_j_per_token)
        agree &= _overlap(regression.decode_j_per_token, dedicated.decode_j_per_token)
    return Attribution(arm, regression, dedicated, agree, why_not)


def split(cell: Cell, attribution: Attribution) -> PhaseSplit | None:
    """Return where the joules of a reply of this cell go; None without phase costs or idle."""
    cost, whole, above = attribution.best, cell.estimate("energy_j"), cell.estimate("above_idle_j")
    if cost is None or whole is None or above is None:
        return None
    columns = cell.columns
    n_prompt = float(np.median(columns["n_prompt"] / columns["n_replies"]))
    n_generated = float(np.median(columns["n_generated"] / columns["n_replies"]))
    prefill_j = cost.prefill_j_per_token.value * n_prompt
    decode_j = cost.decode_j_per_token.value * n_generated
    return PhaseSplit(
        arm=cell.arm,
        suite=cell.suite,
        idle_j=whole.value - above.value,
        prefill_j=prefill_j,
        decode_j=decode_j,
        rest_j=above.value - prefill_j - decode_j,
    )


def _regression(suites: Sequence[Cell]) -> tuple[PhaseCost | None, str]:
    if len(suites) < 2:
        return None, "one suite alone cannot tell prompt tokens from generated ones"
    tokens = np.concatenate([_tokens(cell) for cell in suites])
    joules = np.concatenate([_above_idle_j(cell) for cell in suites])
    known = np.isfinite(joules) & (joules > 0)
    if known.sum() < _N_MIN:
        return None, "too few windows have energy above idle"
    design, target = tokens[known] / joules[known, None], np.ones(int(known.sum()))
    scale = np.linalg.norm(design, axis=0)
    if not scale.all() or np.linalg.cond(design / scale) > CONDITION_MAX:
        return None, "the suites mix prompt and generated tokens too much alike"
    costs, half_widths = _least_squares(design, target)
    prefill, decode = (
        Estimate(c, c - h, c + h, target.size, IntervalMethod.STUDENT_T)
        for c, h in zip(costs.tolist(), half_widths.tolist(), strict=True)
    )
    return PhaseCost(prefill, decode, target.size), ""


def _least_squares(design: Floats, target: Floats) -> tuple[Floats, Floats]:
    """Ordinary least squares with Student's t half-widths."""
    costs: Floats = np.linalg.lstsq(design, target, rcond=None)[0].astype(np.float64)
    n_free = target.size - design.shape[1]
    variance = float(np.square(target - design @ costs).sum()) / n_free
    spread: Floats = np.sqrt(variance * np.diag(np.linalg.inv(design.T @ design)))
    return costs, float(stdtrit(n_free, 0.975)) * spread


def _dedicated(own: Sequence[Cell]) -> PhaseCost | None:
    """Solve the 2x2 system of a prefill and a decode window of each block."""
    prefill = _rows(own, Purpose.PREFILL)
    decode = _rows(own, Purpose.DECODE)
    solved = []
    for block in sorted(prefill.keys() & decode.keys()):
        rows = np.array([prefill[block], decode[block]])
        if np.linalg.matrix_rank(rows[:, :2]) == 2:
            solved.append(np.linalg.solve(rows[:, :2], rows[:, 2]))
    if not solved:
        return None
    costs = np.array(solved)
    return PhaseCost(estimate(costs[:, 0]), estimate(costs[:, 1]), len(solved))


def _rows(own: Sequence[Cell], purpose: Purpose) -> dict[int, Floats]:
    """Per block, the sums over its windows: prompt tokens, generated tokens, joules above idle."""
    summed: dict[int, Floats] = {}
    for cell in own:
        if cell.purpose is not purpose:
            continue
        rows = np.column_stack([_tokens(cell), _above_idle_j(cell)])
        for block, row in zip(cell.block.tolist(), rows, strict=True):
            if np.isfinite(row).all():
                summed[block] = summed.get(block, np.zeros(3)) + row
    return summed


def _tokens(cell: Cell) -> Floats:
    return np.column_stack([cell.columns["n_prompt"], cell.columns["n_generated"]])


def _above_idle_j(cell: Cell) -> Floats:
    return cell.columns["window_above_idle_j"]


def _overlap(a: Estimate, b: Estimate) -> bool:
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return False
    return a.low <= b.high and b.low <= a.high
