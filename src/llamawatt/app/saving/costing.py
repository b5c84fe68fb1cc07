"""What a daily load costs with each setting of a run: energy, money and carbon, by day and year."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llamawatt.analysis.assess import Assessment
from llamawatt.analysis.estimates.cells import Cell
from llamawatt.analysis.estimates.running_cost import (
    DAYS_PER_YEAR,
    Daily,
    DayCost,
    Figure,
    Model,
    day_cost,
    scaled,
)
from llamawatt.analysis.estimates.stats import Estimate
from llamawatt.core.errors import UsageError
from llamawatt.core.settings import Assumptions
from llamawatt.report.content.source import source_at


@dataclass(frozen=True, slots=True)
class Bill:
    """What a day and a year cost with one setting.

    Attributes:
        setting: Its name.
        suite: Name of the suite.
        day: Energy of a day.
        amounts: By name, as `price` and `co2e_g`: of a day; absent where not assumed.
        api: What the same tokens cost a day at an API price; None without one.
        notes: What a reader must know, in sentences.
    """

    setting: str
    suite: str
    day: DayCost
    amounts: Mapping[str, Figure]
    api: float | None = None
    notes: tuple[str, ...] = ()

    def of_year(self, figure: Figure) -> Figure:
        """Return a day's figure, for a year."""
        return scaled(figure, DAYS_PER_YEAR)


def bills(
    path: Path, load: Daily, assumed: Assumptions, api_per_mtok: float | None = None
) -> tuple[Bill, ...]:
    """Return the bill of every setting and suite of a run.

    Args:
        path: The run.
        load: The daily load.
        assumed: Price and carbon.
        api_per_mtok: Price of a million generated tokens elsewhere, in the same currency.

    Raises:
        UsageError: no window has joules above bare idle, or the load does not fit into the day.
        RunDirectoryError: there is no such run.
    """
    run = source_at(path, assumed).assessment
    made = [bill for cell in run.suite_cells if (bill := _bill(run, cell, load, api_per_mtok))]
    if not made:
        raise UsageError(
            f"No window of {path} has joules above bare idle.",
            "Measure a run whose server llamawatt starts itself: `llamawatt bench`.",
        )
    return tuple(made)


def _bill(run: Assessment, cell: Cell, load: Daily, api_per_mtok: float | None) -> Bill | None:
    joules = cell.estimate("above_bare_j") if "above_bare_j" in cell.columns else None
    if joules is None:
        return None
    idle = run.idle.get(cell.arm)
    tokens = float((cell.columns["n_generated"] / cell.columns["n_replies"]).mean())
    model = Model(
        reply_j=_figure(joules),
        reply_s=float((cell.columns["duration_s"] / cell.columns["n_replies"]).mean()),
        extra_w=None if idle is None or idle.extra_w is None else _figure(idle.extra_w),
        load_j=None if idle is None or idle.load_above_j is None else _figure(idle.load_above_j),
        n_tokens=tokens,
    )
    try:
        day = day_cost(model, load)
    except ValueError as error:
        raise UsageError(
            f"{cell.arm} on {cell.suite}: {error}.", "Give fewer --replies or more --hours."
        ) from error
    api = None if api_per_mtok is None else load.n_replies * tokens * api_per_mtok / 1e6
    return Bill(cell.arm, cell.suite, day, _amounts(day, run.assumed), api, tuple(_notes(model)))


def _amounts(day: DayCost, assumed: Assumptions) -> dict[str, Figure]:
    names = {"price": "price_per_kwh", "co2e_g": "carbon_g_per_kwh"}
    return {
        name: scaled(day.total_wh, assumed.numbers[key] / 1000)
        for name, key in names.items()
        if key in assumed.numbers
    }


def _notes(model: Model) -> list[str]:
    said = []
    if model.extra_w is None:
        said.append("What the resident model draws in silence was not measured and is left out.")
    if model.load_j is None:
        said.append("What loading the model takes was not measured and is left out.")
    return said


def _figure(made: Estimate) -> Figure:
    return Figure(made.value, made.low, made.high)
