"""Every metric of a trial, each one value: its name, unit, better direction, formula and places.

Tables, JSON, CSV, pages, stopping rules and documentation read this list, so a metric that is added
here appears in all of them. Formulas are applied when a run is read: a mended formula mends old
runs too.
"""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from llamawatt.core.units import J_PER_WH

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Quantities = Mapping[str, "Floats"]
"""What was recorded of trials, by name: see `QUANTITIES`. Arrays of shape (n,), NaN where unknown,
and scalars of the whole run."""

QUANTITIES: dict[str, str] = {
    "duration_s": "Length of the window.",
    "n_replies": "Replies in the window.",
    "n_prompt": "Prompt tokens evaluated in the window.",
    "n_generated": "Tokens generated in the window.",
    "n_steps": "Decode steps: the first token of a reply comes out of its prompt's pass and takes "
    "no step of its own.",
    "n_longer": "Replies with a second token.",
    "latencies_s": "Latencies of the replies, summed.",
    "ttfts_s": "Times to first token, summed; unknown when a reply was not streamed.",
    "tpots_s": "Times per output token of the replies with a second token, summed.",
    "prefills_s": "Times on the prompts, summed.",
    "decodes_s": "Times on generation of the replies with a second token, summed.",
    "window_j": "Gross joules of the window, over the domains in the total.",
    "window_uncertainty_j": "95 % half-width of their random error, in quadrature over domains.",
    "window_systematic_j": "95 % bound of their gain errors, added linearly over domains.",
    "window_modelled_j": "The part of them that was modelled.",
    "window_above_idle_j": "Joules of the window above model-resident idle.",
    "window_above_idle_uncertainty_j": "95 % half-width of that difference.",
    "bare_w": "Power of the machine with nothing running, one value for the whole run.",
    "bare_uncertainty_w": "95 % half-width of that power, the same error in every trial.",
}
"""What formulas are made of: recorded, or summed over what was recorded."""


class Kind(StrEnum):
    """What a figure is made of: decides which errors it carries."""

    TIME = "time"
    RATE = "rate"
    ENERGY = "energy"
    ABOVE_IDLE = "above-idle"
    """Above the arm's own idle power, model resident: to be compared within one arm alone."""
    ABOVE_BARE = "above-bare"
    """Above the machine's bare idle power, which all arms share."""


class Use(StrEnum):
    """A place where some metrics appear and others do not."""

    RESULTS = "results"
    """A column of the results table, headed by `heading`."""
    COMPARED = "compared"
    """A row of the table of arms over their group's reference."""
    RANKED = "ranked"
    """A winner is sought in it."""
    CORRECTED = "corrected"
    """Its verdicts are corrected together with those in the others."""
    WORTH = "worth"
    """A column of the table of what the joules are worth, headed by `heading`."""


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """What a reader of figures must know of a metric.

    Attributes:
        label: Its name for people.
        unit: As printed on an axis.
        heading: Its column's heading, with the unit; empty where it has none.
        kind: What it is made of.
        per: What one figure covers, as `reply` or `token`.
        more_is_better: Whether more of it is better.
        meaning: Its definition, in one sentence.
    """

    label: str
    unit: str
    heading: str
    kind: Kind
    per: str
    more_is_better: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric.

    Attributes:
        key: Its name in JSON, CSV and on the command line.
        label: Its name for people.
        unit: As printed on an axis; `{currency}` stands for the currency.
        kind: What it is made of.
        per: What one figure covers, as `reply` or `token`.
        meaning: Its definition, in one sentence.
        formula: From quantities to figures; a division by zero means unknown.
        heading: Its column's heading, with the unit.
        needs: What it is worked out with besides its trial: quantities of the whole run, and
            settings. Where one of them is not there, it is absent.
        uses: Where it appears besides JSON, CSV and `--metric`, where every metric does.
        more_is_better: Whether more of it is better; with most metrics less is.
    """

    key: str
    label: str
    unit: str
    kind: Kind
    per: str
    meaning: str
    formula: Callable[[Quantities], "Floats"]
    heading: str = ""
    needs: tuple[str, ...] = ()
    uses: frozenset[Use] = frozenset()
    more_is_better: bool = False

    def facts(self, currency: str) -> MetricFacts:
        """Return what a reader must know of it.

        Args:
            currency: What stands for `{currency}` in its unit and heading.
        """
        return MetricFacts(
            label=self.label,
            unit=self.unit.format(currency=currency),
            heading=self.heading.format(currency=currency),
            kind=self.kind,
            per=self.per,
            more_is_better=self.more_is_better,
            meaning=self.meaning,
        )

    @property
    def lower_is_better(self) -> bool:
        """Whether less is better."""
        return not self.more_is_better

    @property
    def is_energy(self) -> bool:
        """Whether joules enter it, and with them the sensors' errors."""
        return self.kind in {Kind.ENERGY, Kind.ABOVE_IDLE, Kind.ABOVE_BARE}

    @property
    def is_difference(self) -> bool:
        """Whether it is a difference, which may be zero or negative."""
        return self.kind in {Kind.ABOVE_IDLE, Kind.ABOVE_BARE}

    @property
    def is_within_arm(self) -> bool:
        """Whether each arm is held against an idle of its own, so that arms are not compared."""
        return self.kind is Kind.ABOVE_IDLE


_EVERYWHERE = frozenset({Use.RESULTS, Use.COMPARED, Use.RANKED, Use.CORRECTED})
_TABLES = frozenset({Use.RESULTS, Use.COMPARED})
_WORTH = frozenset({Use.WORTH})

_J_PER_KWH = 1000 * J_PER_WH

_ALL = (
    MetricSpec(
        "latency_s", "Latency", "s", Kind.TIME, "reply",
        "Mean latency of a reply, from the first byte sent to the last byte received.",
        lambda q: q["latencies_s"] / q["n_replies"],
        "Latency (s)", uses=_EVERYWHERE,
    ),
    MetricSpec(
        "ttft_s", "Time to first token", "s", Kind.TIME, "reply",
        "Mean time to the first token; unknown when a reply was not streamed.",
        lambda q: q["ttfts_s"] / q["n_replies"],
    ),
    MetricSpec(
        "tpot_s", "Time per output token", "s", Kind.TIME, "token",
        "Mean over replies of the time per generated token after the first.",
        lambda q: q["tpots_s"] / q["n_longer"],
    ),
    MetricSpec(
        "energy_j", "Energy", "J", Kind.ENERGY, "reply",
        "Gross joules of the window, over the domains in the total, per reply.",
        lambda q: q["window_j"] / q["n_replies"],
        "Energy (J)", uses=_EVERYWHERE,
    ),
    MetricSpec(
        "above_bare_j", "Energy above bare idle", "J", Kind.ABOVE_BARE, "reply",
        "Joules per reply above what the machine draws with nothing running, one power for all "
        "arms, so that each pays for what it keeps resident; a difference, never clipped.",
        lambda q: (q["window_j"] - q["bare_w"] * q["duration_s"]) / q["n_replies"],
        "Above bare idle (J)", needs=("bare_w",), uses=_EVERYWHERE,
    ),
    MetricSpec(
        "above_bare_j_per_token", "Energy per token above bare idle", "J/token", Kind.ABOVE_BARE,
        "token",
        "The same per generated token.",
        lambda q: (q["window_j"] - q["bare_w"] * q["duration_s"]) / q["n_generated"],
        needs=("bare_w",),
    ),
    MetricSpec(
        "above_idle_j", "Energy above resident idle", "J", Kind.ABOVE_IDLE, "reply",
        "Joules per reply above the arm's own idle power, model resident: within one arm, what "
        "requests add; between arms it forgives what each keeps resident. Never clipped.",
        lambda q: q["window_above_idle_j"] / q["n_replies"],
    ),
    MetricSpec(
        "j_per_token", "Energy per token", "J/token", Kind.ENERGY, "token",
        "Gross joules of the window per generated token.",
        lambda q: q["window_j"] / q["n_generated"],
        "J/token", uses=_TABLES,
    ),
    MetricSpec(
        "above_idle_j_per_token", "Energy per token above resident idle", "J/token",
        Kind.ABOVE_IDLE, "token",
        "The same above model-resident idle.",
        lambda q: q["window_above_idle_j"] / q["n_generated"],
    ),
    MetricSpec(
        "edp_js", "Energy-delay product", "J·s", Kind.ENERGY, "reply",
        "Joules per reply times its latency.",
        lambda q: q["window_j"] / q["n_replies"] * (q["latencies_s"] / q["n_replies"]),
        "EDP (J·s)", uses=_EVERYWHERE,
    ),
    MetricSpec(
        "ed2p_js2", "Energy-delay² product", "J·s²", Kind.ENERGY, "reply",
        "Joules per reply times the square of its latency.",
        lambda q: q["window_j"] / q["n_replies"] * (q["latencies_s"] / q["n_replies"]) ** 2,
    ),
    MetricSpec(
        "power_w", "Mean power", "W", Kind.ENERGY, "window",
        "Gross joules of the window over its length.",
        lambda q: q["window_j"] / q["duration_s"],
        uses=frozenset({Use.CORRECTED}),
    ),
    MetricSpec(
        "tok_per_s", "Throughput", "tok/s", Kind.RATE, "window",
        "Tokens generated in the window over its length.",
        lambda q: q["n_generated"] / q["duration_s"],
        "tok/s", uses=_TABLES, more_is_better=True,
    ),
    MetricSpec(
        "prefill_tok_per_s", "Prefill speed", "tok/s", Kind.RATE, "stream",
        "Prompt tokens over the time on prompts; unknown when neither side could tell.",
        lambda q: q["n_prompt"] / q["prefills_s"],
        more_is_better=True,
    ),
    MetricSpec(
        "decode_tok_per_s", "Decode speed", "tok/s", Kind.RATE, "stream",
        "Decode steps over the time on generation; unknown when neither side could tell.",
        lambda q: q["n_steps"] / q["decodes_s"],
        more_is_better=True,
    ),
    MetricSpec(
        "tok_per_wh", "Tokens per watt-hour", "tok/Wh", Kind.ENERGY, "window",
        "Generated tokens per watt-hour of the window.",
        lambda q: q["n_generated"] / (q["window_j"] / J_PER_WH),
        "tok/Wh", uses=_WORTH, more_is_better=True,
    ),
    MetricSpec(
        "cost_per_mtok", "Cost of a million tokens", "{currency}/Mtok", Kind.ENERGY, "token",
        "Price of the window's energy per million generated tokens.",
        lambda q: q["window_j"] / _J_PER_KWH * q["price_per_kwh"] / q["n_generated"] * 1e6,
        "{currency}/Mtok", needs=("price_per_kwh",), uses=_WORTH,
    ),
    MetricSpec(
        "cost_per_1000_replies", "Cost of a thousand replies", "{currency}/1000 replies",
        Kind.ENERGY, "reply",
        "Price of the window's energy per thousand replies.",
        lambda q: q["window_j"] / _J_PER_KWH * q["price_per_kwh"] / q["n_replies"] * 1e3,
        "{currency}/1000 replies", needs=("price_per_kwh",), uses=_WORTH,
    ),
    MetricSpec(
        "co2e_g", "CO2e of a reply", "g", Kind.ENERGY, "reply",
        "Grams of CO2e that the grid emits for the energy of a reply.",
        lambda q: q["window_j"] / _J_PER_KWH * q["carbon_g_per_kwh"] / q["n_replies"],
        "CO2e (g)", needs=("carbon_g_per_kwh",), uses=_WORTH,
    ),
    MetricSpec(
        "replies_per_charge", "Replies per battery charge", "replies", Kind.ENERGY, "window",
        "Replies, one after the other, for which a full battery lasts.",
        lambda q: q["battery_wh"] * J_PER_WH / (q["window_j"] / q["n_replies"]),
        "Replies/charge", needs=("battery_wh",), uses=_WORTH, more_is_better=True,
    ),
)  # fmt: skip

METRICS: dict[str, MetricSpec] = {spec.key: spec for spec in _ALL}
"""Every metric, in the order of a reader's interest."""


def facts(known: Container[str], currency: str) -> dict[str, MetricFacts]:
    """Return what a reader must know of each of the metrics that are known."""
    return {spec.key: spec.facts(currency) for spec in METRICS.values() if spec.key in known}


def keys(use: Use) -> tuple[str, ...]:
    """Return the metrics that appear in a place, in order."""
    return tuple(spec.key for spec in METRICS.values() if use in spec.uses)
