"""What an interval holds and how often a verdict is wrong: simulated trials, our own functions.

    python benchmarks/coverage.py            print the table; about four minutes on two quiet cores
    python benchmarks/coverage.py --quick    a tenth of the trials

Each line simulates many runs with a known truth and asks for the same intervals and verdicts as a
report does: `estimate`, `families`, `compare_sides`, `attribute`, `drift`, `wall_equivalent_j`.
An interval should hold the truth in 93 to 97 of 100; where it does not, the line has a label, and
the documentation says the same. Exit code 1 when a line without a label fails.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from simulated_trials import (
    DECODE_J,
    KINDS,
    PREFILL_J,
    SIGMA,
    Floats,
    Rng,
    memory_of,
    phase_cells,
    run_cells,
    side,
    true_mean,
)

from llamawatt.analysis.compare.differences import Side
from llamawatt.analysis.compare.family import TOLD, families, uncorrected
from llamawatt.analysis.compare.runs import (
    Comparison,
    GateOutcome,
    compare_sides,
    gate,
    measured_spreads,
)
from llamawatt.analysis.compare.verdict import Ratio, Verdict
from llamawatt.analysis.estimates.attribution import attribute
from llamawatt.analysis.estimates.drift import drift
from llamawatt.analysis.estimates.stats import Estimate, estimate, relative_half_width
from llamawatt.analysis.estimates.wall_model import (
    Boundary,
    LevelPower,
    fit_wall,
    wall_equivalent_j,
)

REPEATS = (2, 3, 5, 10)
HELD = (0.93, 0.97)
FALSE_MAX = 0.06
GATE_MAX = 0.05
N_CELLS = 6
N_ARMS, N_SUITES = 3, 2
EFFECT = np.log(1.10)
TARGET, CAP = 0.03, 10
TAU, WITHIN, RUN_EFFECT = 0.03, 0.01, np.log(1.25)
SENSOR_U = 0.05

LESS = {
    "autocorrelated": "worse: few repeats hide how much neighbours are alike",
    "stopping": "worse: repeats that happen to agree stop a run early",
    "best and worst": "worse: one pair of many, chosen after seeing; the verdict is corrected",
    "one run": "repeatability within the run only; no verdict is given",
}
MORE = "more than it says"
HEAD = """# What the intervals hold

Made by `python benchmarks/coverage.py`: simulated trials with a known truth, through the functions
that a report uses. An interval should hold the truth in 93 to 97 of 100, a run's verdicts be false
in at most 6 of 100 and a gate fail on like runs in at most 5; power is how often a true effect
(10 % within a run, 25 % between runs) gets its verdict. `3+`: repeats go on until the interval is
within ±3 %, or to ten. Trials scatter by 3 %; whole runs by 3 %, with 1 % within them. Neighbours
correlate by 0.57, drifts are 8 %, stragglers take 40 % more in one of ten. The truth is the
ordinary repeat, and under drift the mean over the run. What holds less than it should says why.

"""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table.

    Attributes:
        what: Interval or verdict.
        trials: How the trials are.
        n: Repeats, or runs a side.
        share: How often the truth is held, or a verdict is false.
        n_asked: Of how many.
        most: Largest share allowed for false verdicts; None for an interval.
        power: How often a true effect gets its verdict; None where none was simulated.
        width: Median relative half-width; None for verdicts.
        label: Why it holds less, as the documentation says; empty for none.
    """

    what: str
    trials: str
    n: str
    share: float
    n_asked: int
    most: float | None = None
    power: float | None = None
    width: float | None = None
    label: str = ""

    @property
    def noise(self) -> float:
        """Two standard errors of the simulated share."""
        wanted = 0.95 if self.most is None else self.most
        return 2 * float(np.sqrt(wanted * (1 - wanted) / max(1, self.n_asked)))

    @property
    def is_right(self) -> bool:
        """Whether it holds what it says, within what was simulated."""
        if self.most is not None:
            return self.share <= self.most + self.noise
        return self.share >= HELD[0] - self.noise

    @property
    def remark(self) -> str:
        """The label where it is needed; that an interval holds more than it says."""
        if self.most is not None:
            return "" if self.is_right else self.label
        if self.share > HELD[1] + self.noise:
            return MORE
        return "" if self.is_right and self.share >= HELD[0] else self.label


def one_figure(kind: str, n: int, stopping: bool, n_runs: int) -> Iterable[Line]:
    """A figure's interval: repeats of six cells of a run, with what the run shows of neighbours."""
    rng = np.random.default_rng([n, stopping, *kind.encode()])
    hits, widths = [], []
    for _ in range(n_runs):
        whole = KINDS[kind](rng, N_CELLS, max(CAP, n) if stopping else n)
        logs = _stopped(whole, n) if stopping else whole
        lag1, truth = memory_of(logs), true_mean(kind, logs.shape[1], whole.shape[1])
        for row in logs:
            made = estimate(np.exp(row), lag1=lag1)
            hits.append(_holds(made, float(np.exp(truth))))
            widths.append(made.relative_half_width or 0.0)
    trials = f"{kind}, until ±3 %" if stopping else kind
    label = LESS.get(kind, "") or (LESS["stopping"] if stopping else "")
    yield Line("figure", trials, f"{n}{'+' if stopping else ''}", float(np.mean(hits)), len(hits),
               width=float(np.median(widths)), label=label)  # fmt: skip


def one_cell_alone(sigma: float, n: int, n_asked: int) -> Iterable[Line]:
    """One setting on one suite that stops as soon as its own interval is narrow."""
    rng = np.random.default_rng([n, int(1000 * sigma)])
    hits, met = [], []
    for _ in range(n_asked):
        logs = _stopped(sigma * rng.standard_normal((1, CAP)), n)
        made = estimate(np.exp(logs[0]))
        hits.append(_holds(made, 1.0))
        if (made.relative_half_width or 1.0) <= TARGET:
            met.append(hits[-1])
    scatter, label = f"one setting, {100 * sigma:.0f} % scatter", LESS["stopping"]
    yield Line("figure", f"{scatter}, until ±3 %", f"{n}+", float(np.mean(hits)), len(hits),
               label=label)  # fmt: skip
    yield Line("figure that met ±3 %", scatter, f"{n}+", float(np.mean(met)), len(met), label=label)


def sensor_and_difference(n: int, n_runs: int) -> Iterable[Line]:
    """Where the sensor decides, and where a quantity may be negative."""
    rng = np.random.default_rng(n)
    sensor, signed = [], []
    for _ in range(n_runs * N_CELLS):
        errors = SENSOR_U / 1.96 * rng.standard_normal(n)
        sensor.append(_holds(estimate(1 + errors, np.full(n, SENSOR_U)), 1.0))
        difference = 0.1 + rng.standard_normal(n)
        signed.append(_holds(estimate(difference, signed=True), 0.1))
    yield Line("figure, coarse sensor", "independent", f"{n}", float(np.mean(sensor)), len(sensor))
    yield Line("difference", "independent", f"{n}", float(np.mean(signed)), len(signed))


def arms_of_a_run(kind: str, n: int, stopping: bool, n_runs: int) -> Iterable[Line]:
    """Ratios of arms in one run, and the family of every figure that verdicts are told of."""
    rng = np.random.default_rng([n, stopping, 7, *kind.encode()])
    held, chosen, wrong, found = [], [], [], []
    for _ in range(n_runs):
        logs = [KINDS[kind](rng, N_ARMS * N_SUITES, max(CAP, n) if stopping else n)
                for _ in range(2)]  # fmt: skip
        if stopping:
            count = _stopped(logs[0], n).shape[1]
            logs = [each[:, :count] for each in logs]
        ratios = _ratios(logs[0], logs[1] / 3)
        held += [_spans_one(ratio) for ratio in ratios]
        extreme = max(ratios, key=lambda ratio: abs(np.log(ratio.value)))
        chosen.append(_spans_one(extreme))
        wrong.append(any(r.verdict is not Verdict.NOT_DISTINGUISHABLE for r in ratios))
        logs[0][-N_SUITES:] += EFFECT
        last = f"arm-{N_ARMS - 1}"
        found += [
            ratio.verdict is not Verdict.NOT_DISTINGUISHABLE
            for ratio in _ratios(logs[0], logs[1] / 3)
            if ratio.metric == "latency_s" and last in {ratio.arm, ratio.baseline}
        ]
    trials = f"{kind}, until ±3 %" if stopping else kind
    repeats = f"{n}{'+' if stopping else ''}"
    label = LESS.get(kind, "") or (LESS["stopping"] if stopping else "")
    yield Line("ratio of two arms", trials, repeats, float(np.mean(held)), len(wrong) * 4,
               label=label)  # fmt: skip
    yield Line("ratio of best and worst", trials, repeats, float(np.mean(chosen)), len(chosen),
               label=LESS["best and worst"])  # fmt: skip
    yield Line("any false verdict of a run", trials, repeats, float(np.mean(wrong)), len(wrong),
               FALSE_MAX, float(np.mean(found)), label=label)  # fmt: skip


def several_runs(kind: str, n_runs_a_side: int, n: int, n_asked: int) -> Iterable[Line]:
    """Sides of whole runs with 3 % between and 1 % within; one run alone, and a kept spread."""
    rng = np.random.default_rng([n_runs_a_side, n, *kind.encode()])
    held, wrong, failed, found = [], [], [], []
    for _ in range(n_asked):
        before, after = (_runs(rng, kind, n_runs_a_side, n) for _ in range(2))
        slow = _runs(rng, kind, n_runs_a_side, n, RUN_EFFECT)
        made = compare_sides(before, after, ["latency_s", "energy_j"])
        held += _held(made)
        wrong.append(_any_verdict(made))
        failed.append(_fails(made))
        found.append(_any_verdict(compare_sides(before, slow, ["latency_s", "energy_j"])))
    runs = f"{n_runs_a_side} runs of {n}"
    label = LESS["one run"] if n_runs_a_side == 1 else ""
    yield from _run_lines(kind, runs, (held, wrong, failed, found), label)


def kept_spread(n_kept: int, n: int, n_asked: int) -> Iterable[Line]:
    """One run a side, judged by the spread that earlier runs left."""
    rng = np.random.default_rng([n_kept, n])
    held, wrong, failed, found = [], [], [], []
    for _ in range(n_asked):
        earlier = measured_spreads(_runs(rng, "independent", n_kept, n), ["latency_s"], "earlier")
        before, after = (_runs(rng, "independent", 1, n) for _ in range(2))
        slow = _runs(rng, "independent", 1, n, RUN_EFFECT)
        made = compare_sides(before, after, ["latency_s"], spreads=earlier)
        held += _held(made)
        wrong.append(_any_verdict(made))
        failed.append(_fails(made))
        found.append(_any_verdict(compare_sides(before, slow, ["latency_s"], spreads=earlier)))
    runs = f"1 run of {n}, spread of {n_kept} kept"
    yield from _run_lines("independent", runs, (held, wrong, failed, found), "")


def _run_lines(
    kind: str, runs: str, seen: tuple[list[bool], list[bool], list[bool], list[bool]], label: str
) -> Iterable[Line]:
    held, wrong, failed, found = seen
    yield Line("change between runs", kind, runs, float(np.mean(held)), len(wrong), label=label)
    yield Line("any false verdict between runs", kind, runs, float(np.mean(wrong)), len(wrong),
               FALSE_MAX, float(np.mean(found)))  # fmt: skip
    yield Line("gate fails on like runs", kind, runs, float(np.mean(failed)), len(failed), GATE_MAX)


def _runs(rng: Rng, kind: str, n_runs: int, n: int, effect: float = 0.0) -> list[Side]:
    """Runs whose arms and suites all share the run's own pace."""
    made = []
    for number in range(n_runs):
        pace = effect + TAU * rng.standard_normal()
        latency = pace + KINDS[kind](rng, 2, n) * (WITHIN / SIGMA)
        made.append(side(f"run-{number}", latency, np.zeros_like(latency), 1))
    return made


def _held(made: Comparison) -> list[bool]:
    known = [row.ratio for row in made.rows if row.ratio.low is not None]
    return [_spans_one(ratio) for ratio in known if ratio.metric == "latency_s"]


def _any_verdict(made: Comparison) -> bool:
    return any(row.ratio.verdict is not Verdict.NOT_DISTINGUISHABLE for row in made.rows)


def _fails(made: Comparison) -> bool:
    return any(row.outcome is GateOutcome.FAILED for row in gate(made, "latency_s", 0.0))


def _ratios(latency: Floats, watts: Floats) -> list[Ratio]:
    found = run_cells(latency, watts, N_SUITES)
    arms = [f"arm-{i}" for i in range(N_ARMS)]
    suites = [f"suite-{i}" for i in range(N_SUITES)]
    made = families({metric: uncorrected(found, arms, suites, metric) for metric in TOLD})
    return [ratio for family in made.values() for ratio in family.ratios.values()]


def _stopped(logs: Floats, n_min: int) -> Floats:
    """Cells of a suite go on together until every one is narrow, or to the cap."""
    for n in range(n_min, logs.shape[1] + 1):
        widths = [relative_half_width(np.exp(row[:n]).tolist()) for row in logs]
        if all(width is not None and width <= TARGET for width in widths):
            return logs[:, :n]
    return logs


def _holds(made: Estimate, truth: float) -> bool:
    return made.low is not None and made.high is not None and made.low <= truth <= made.high


def _spans_one(ratio: Ratio) -> bool:
    return ratio.low is not None and ratio.high is not None and ratio.low <= 1 <= ratio.high


def phase_costs(n: int, request_j: float, n_asked: int) -> Iterable[Line]:
    """Joules per token of both phases, by the regression over suites and by dedicated windows."""
    rng = np.random.default_rng([n, int(1000 * request_j)])
    seen: dict[str, list[bool]] = {}
    for _ in range(n_asked):
        made = attribute("arm", phase_cells(rng, n, request_j))
        for way, cost in (("regression", made.regression), ("dedicated", made.dedicated)):
            if cost is not None:
                for phase, held in (
                    ("prompt", _holds(cost.prefill_j_per_token, PREFILL_J)),
                    ("generated", _holds(cost.decode_j_per_token, DECODE_J)),
                ):
                    seen.setdefault(f"cost of a {phase} token, {way}", []).append(held)
    for what, hits in seen.items():
        trials = f"{request_j:g} J a request" if request_j else "no cost of a request"
        yield Line(what, trials, f"{n}", float(np.mean(hits)), len(hits))


def trend_and_wall(n: int, n_asked: int) -> Iterable[Line]:
    """The drift over a run, and what the wall draws."""
    rng = np.random.default_rng(n)
    moved, wall = [], []
    for _ in range(n_asked):
        latency = np.linspace(0, 0.05, n) + SIGMA / 3 * rng.standard_normal((2, n))
        found = drift(run_cells(latency, np.zeros_like(latency), 1).values(), "latency_s")
        if found is not None:
            moved.append(found.low <= np.expm1(0.05) <= found.high)
        domains_w = np.linspace(10, 60, 4)
        levels = [
            LevelPower(i, watts + 0.1 * rng.standard_normal(),
                       20 + 1.2 * watts + 0.2 * rng.standard_normal(), 0.2, 0.4)
            for i, watts in enumerate(domains_w)
        ]  # fmt: skip
        told_j, half_j = wall_equivalent_j(
            fit_wall(levels, Boundary(("cpu-package-0",)), ""), 30.0, 1.0
        )
        wall.append(abs(told_j - 56.0) <= half_j)
    if moved:
        yield Line("drift over a run", "drifting", f"{n}", float(np.mean(moved)), len(moved))
    yield Line("joules at the wall", "four levels", f"{n}", float(np.mean(wall)), len(wall))


def jobs(scale: float) -> list[Callable[[], Iterable[Line]]]:
    """Every part of the table, cut so that processes share them."""
    n_runs, n_families, n_sides = (max(20, int(scale * n)) for n in (400, 300, 400))
    made: list[Callable[[], Iterable[Line]]] = []
    for kind in KINDS:
        made += [partial(one_figure, kind, n, False, n_runs) for n in REPEATS]
        made += [partial(one_figure, kind, n, True, n_runs) for n in REPEATS[1:]]
    made += [partial(one_cell_alone, s, n, 5 * n_runs) for s in (0.03, 0.05) for n in (3, 5, 8)]
    made += [partial(sensor_and_difference, n, n_runs) for n in REPEATS]
    for kind in KINDS:
        made += [partial(arms_of_a_run, kind, n, False, n_families) for n in REPEATS]
        made += [partial(arms_of_a_run, kind, n, True, n_families) for n in REPEATS[1:-1]]
    for kind in ("independent", "autocorrelated", "heavy-tailed"):
        made += [partial(several_runs, kind, r, 3, n_sides) for r in (1, 2, 3, 5)]
    made += [partial(several_runs, "independent", 3, n, n_sides) for n in (2, 10)]
    made += [partial(kept_spread, r, 3, n_sides) for r in (3, 5)]
    made += [partial(phase_costs, n, j, n_sides) for j in (0.0, 0.3) for n in REPEATS[1:]]
    made += [partial(trend_and_wall, n, n_sides) for n in (3, 10)]
    return made


def table(lines: Sequence[Line]) -> str:
    """Return the lines as Markdown."""
    rows = [
        "| what | trials | n | held or false | power | half-width | |",
        "| --- | --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for line in lines:
        power, width = (
            "" if value is None else f"{100 * value:.{digits}f} %"
            for value, digits in ((line.power, 0), (line.width, 1))
        )
        remark = line.remark or ("" if line.is_right else "FAILS")
        share = f"{100 * line.share:.1f} %"
        rows.append(
            f"| {line.what} | {line.trials} | {line.n} | {share} | {power} | {width} | {remark} |"
        )
    return "\n".join(rows)


def _run(job: Callable[[], Iterable[Line]]) -> list[Line]:
    return list(job())


def main() -> int:
    """Print the table; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="A tenth of the trials.")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    asked = parser.parse_args()
    t0_s = time.monotonic()
    with ProcessPoolExecutor(asked.processes) as pool:
        lines = [
            line for made in pool.map(_run, jobs(0.1 if asked.quick else 1.0)) for line in made
        ]
    wrong = [line for line in lines if not (line.is_right or line.remark)]
    sys.stdout.write(HEAD + table(lines) + "\n")
    sys.stderr.write(f"{len(lines)} lines, {len(wrong)} wrong, {time.monotonic() - t0_s:.0f} s\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
