"""Joules by phase: what a prompt token and a generated token cost, and what idling takes.

The model is `E = P_idle * t + e_prefill * n_prompt + e_decode * n_generated`, per window. Within
one arm the time `t` is itself almost a sum over tokens, so the three cannot be told apart from one
another by regression; `P_idle` is therefore not fitted but taken from the idle windows, and the
regression is of the energy above idle on the tokens, and on the requests where the suites tell them
apart: what a request costs beside its tokens would else be laid on the prompt's. Rows are weighted
by one over the fitted energy, as scatter grows with the energy. Dedicated windows solve the same
equation block by block.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from llamawatt.analysis.estimates.cells import Cell, CellKey
from llamawatt.analysis.estimates.stats import Estimate, Floats, IntervalMethod, estimate
from llamawatt.core.trials import Purpose

CONDITION_MAX = 20.0
"""Beyond this condition number the suites' token mixes are too alike to be told apart."""

CONDITION_MAX_REQUEST = 12.0
"""Beyond this one the requests of the suites cannot be told from their tokens."""

_N_MIN = 4
_N_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class PhaseCost:
    """Joules per token of each phase, above model-resident idle.

    Attributes:
        prefill_j_per_token: Per prompt token evaluated.
        decode_j_per_token: Per generated token.
        n: Windows (regression) or blocks (dedicated).
        request_j: Joules of a request beside its tokens; None where it cannot be told apart, and
            is then part of the tokens' costs.
    """

    prefill_j_per_token: Estimate
    decode_j_per_token: Estimate
    n: int
    request_j: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Attribution:
    """Phase costs of one arm, by both ways where the windows allow.

    Attributes:
        arm: Name of the arm.
        regression: From the suites' windows; None when `why_not` says so.
        dedicated: From prefill-only and decode-only windows; None without them.
        agree: Whether their differences are within the 95 % interval of a difference; None without
            both.
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
        agree = _alike(regression.prefill_j_per_token, dedicated.prefill_j_per_token)
        agree &= _alike(regression.decode_j_per_token, dedicated.decode_j_per_token)
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
    work = np.concatenate([_work(cell) for cell in suites])
    above_j = np.concatenate([_above_idle_j(cell) for cell in suites])
    known = np.isfinite(above_j) & (above_j > 0)
    if known.sum() < _N_MIN:
        return None, "too few windows have energy above idle"
    work, above_j = work[known], above_j[known]
    if _condition(work[:, :2] / above_j[:, None]) > CONDITION_MAX:
        return None, "the suites mix prompt and generated tokens too much alike"
    n_terms = 2
    if len(suites) > 2 and _condition(work / above_j[:, None]) <= CONDITION_MAX_REQUEST:
        n_terms = 3
    costs, half_widths = _least_squares(work[:, :n_terms], above_j)
    made = [
        Estimate(c, c - h, c + h, above_j.size, IntervalMethod.STUDENT_T)
        for c, h in zip(costs.tolist(), half_widths.tolist(), strict=True)
    ]
    return PhaseCost(made[0], made[1], above_j.size, made[2] if n_terms > 2 else None), ""


def _condition(design: Floats) -> float:
    """Condition number of a design whose columns are brought to one length."""
    scale = np.linalg.norm(design, axis=0)
    if not scale.all() or not np.isfinite(scale).all() or not np.isfinite(design).all():
        return math.inf
    return float(np.linalg.cond(design / scale))


def _least_squares(work: Floats, above_j: Floats) -> tuple[Floats, Floats]:
    """Least squares with scatter in proportion to the energy, and Student's t half-widths.

    Weights are of the fitted energies, round by round: those of the measured ones would count a
    window the more, the lower it happened to read.
    """
    fitted = above_j
    for _ in range(_N_ROUNDS):
        design, target = work / fitted[:, None], above_j / fitted
        costs: Floats = np.linalg.lstsq(design, target, rcond=None)[0].astype(np.float64)
        fitted = np.maximum(work @ costs, above_j.min() / 2)
    n_free = max(1, target.size - design.shape[1])
    variance = float(np.square(target - design @ costs).sum()) / n_free
    spread: Floats = np.sqrt(variance * np.diag(np.linalg.inv(design.T @ design)))
    return costs, float(stdtrit(n_free, 0.975)) * spread


def _dedicated(own: Sequence[Cell]) -> PhaseCost | None:
    """Solve for the costs of each block from its prefill and decode windows.

    With prompts of two lengths among the prefill windows a request's own cost is solved for as
    well; with one length it is part of the prompt tokens' cost.
    """
    prefill, decode = (_rows(own, purpose) for purpose in (Purpose.PREFILL, Purpose.DECODE))
    both = sorted(prefill.keys() & decode.keys())
    n_terms = 3 if both and all(_has_two_lengths(prefill[block]) for block in both) else 2
    stacks = [
        np.array([*prefill[block], *decode[block]])
        if n_terms == 3
        else np.array([np.sum(prefill[block], axis=0), np.sum(decode[block], axis=0)])
        for block in both
    ]
    solved = [
        _least_squares(rows[:, :n_terms], rows[:, 3])[0]
        for rows in stacks
        if np.linalg.matrix_rank(rows[:, :n_terms]) == n_terms and (rows[:, 3] > 0).all()
    ]
    if not solved:
        return None
    costs = np.array(solved)
    request_j = estimate(costs[:, 2], signed=True) if n_terms == 3 else None
    prompt, generated = (estimate(costs[:, at], signed=True) for at in (0, 1))
    return PhaseCost(prompt, generated, len(solved), request_j)


def _has_two_lengths(rows: Sequence[Floats]) -> bool:
    """Whether the longest prompts of a block's prefill windows are twice the shortest ones."""
    lengths = [row[0] / row[2] for row in rows]
    return bool(max(lengths) >= 2 * min(lengths))


def _rows(own: Sequence[Cell], purpose: Purpose) -> dict[int, list[Floats]]:
    """Per block, its windows: prompt tokens, generated tokens, requests, joules above idle."""
    found: dict[int, list[Floats]] = {}
    for cell in own:
        if cell.purpose is not purpose:
            continue
        rows = np.column_stack([_work(cell), _above_idle_j(cell)])
        for block, row in zip(cell.block.tolist(), rows, strict=True):
            if np.isfinite(row).all():
                found.setdefault(block, []).append(row)
    return found


def _work(cell: Cell) -> Floats:
    """Prompt tokens, generated tokens and requests of each window, shape (n, 3)."""
    return np.column_stack([cell.columns[k] for k in ("n_prompt", "n_generated", "n_replies")])


def _above_idle_j(cell: Cell) -> Floats:
    return cell.columns["window_above_idle_j"]


def _alike(a: Estimate, b: Estimate) -> bool:
    """Whether two figures differ by no more than the 95 % interval of their difference."""
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return False
    half = math.hypot((a.high - a.low) / 2, (b.high - b.low) / 2)
    return abs(a.value - b.value) <= half
