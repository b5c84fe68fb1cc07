"""The report as one inert value: everything that is drawn or written is made from it alone."""

from dataclasses import dataclass, field

from llamawatt.analysis.assess import Failure
from llamawatt.analysis.compare.verdict import Ratio
from llamawatt.analysis.estimates.at_wall import AtWall
from llamawatt.analysis.estimates.attribution import Attribution, PhaseSplit
from llamawatt.analysis.estimates.roofline import RooflinePoint
from llamawatt.analysis.estimates.stats import Estimate
from llamawatt.analysis.rules.findings import Finding
from llamawatt.core.flags import DISTURBANCES, Flag
from llamawatt.core.machine import MachineRecord
from llamawatt.core.metrics import METRICS, MetricFacts
from llamawatt.core.plan import QualityRecord, RunEvent, StudyRecord
from llamawatt.core.readings import Method
from llamawatt.core.trials import Purpose

SCHEMA = 1
"""Version of `report.json`."""


@dataclass(frozen=True, slots=True)
class DomainShare:
    """What one domain adds to a row.

    Attributes:
        energy_j: Median gross joules per reply.
        power_w: Median power over the windows.
        methods: Every method seen.
        sources: Every interface seen.
        in_total: Whether it is summed.
    """

    energy_j: float
    power_w: float
    methods: tuple[Method, ...]
    sources: tuple[str, ...]
    in_total: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One arm on one suite.

    Attributes:
        arm: Name of the arm.
        suite: Name of the suite.
        purpose: What the windows were for.
        device: `cpu`, `gpu` or `hybrid`; empty when the study does not say.
        groups: Groups of the arm.
        n: Finished trials.
        estimates: By field of `Metrics`; a figure that no trial has is absent.
        gain: Relative 95 % bound of the sensors' gain errors on its joules.
        methods: Methods of the joules in the total.
        modelled_share: Share of the joules that is modelled; None without joules.
        domains: By domain name.
        flags: How many of the trials carry each doubt.
        blind_to: The arm's own device, when no meter covers it: its joules are a part only.
        uneven: By metric: the least and the most of repeats that differ too much for one figure.
        at_wall: A reply's joules at the wall; None where that was never calibrated.
    """

    arm: str
    suite: str
    purpose: Purpose
    device: str
    groups: tuple[str, ...]
    n: int
    estimates: dict[str, Estimate]
    gain: float
    methods: tuple[Method, ...]
    modelled_share: float | None
    domains: dict[str, DomainShare]
    flags: dict[Flag, int]
    blind_to: str = ""
    uneven: dict[str, tuple[float, float]] = field(default_factory=dict)
    at_wall: AtWall | None = None

    def has(self, metric: str) -> bool:
        """Whether it has a figure that may be held against other arms'."""
        return metric in self.estimates and not (METRICS[metric].is_energy and self.blind_to)

    @property
    def disturbances(self) -> dict[Flag, int]:
        """What disturbed its windows, and how many of them."""
        return {flag: n for flag, n in self.flags.items() if flag in DISTURBANCES and n}

    @property
    def is_modelled(self) -> bool:
        """Whether any of its joules is modelled."""
        return bool(self.modelled_share)


@dataclass(frozen=True, slots=True)
class TraceLine:
    """Power of one domain over time, thinned by averaging so that its energy is kept.

    Attributes:
        domain: Name of the domain.
        method: How its energy is got.
        t_s: Seconds since the window began.
        power_w: Watts from each time to the next.
    """

    domain: str
    method: Method
    t_s: tuple[float, ...]
    power_w: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PowerTrace:
    """Power around the window of one trial.

    Attributes:
        trial_id: The trial.
        arm: Its arm.
        suite: Its suite.
        duration_s: Length of the window.
        request_starts_s: When each request was sent, since the window began.
        lines: One per domain.
        idle_w: Model-resident idle power by domain.
        flags: Doubts about the trial.
    """

    trial_id: str
    arm: str
    suite: str
    duration_s: float
    request_starts_s: tuple[float, ...]
    lines: tuple[TraceLine, ...]
    idle_w: dict[str, float]
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True)
class IdleRow:
    """Idle power of one arm by level, summed over the domains in the total."""

    arm: str
    power_w: dict[str, Estimate]
    extra_w: Estimate | None
    load_s: float | None
    load_j: float | None
    modelled: bool


@dataclass(frozen=True, slots=True)
class FigureEntry:
    """A figure of the report, drawn or not.

    Attributes:
        name: Its file name without ending.
        title: Its title.
        section: Heading that it stands under.
        caption: What it shows; empty when missing.
        missing: Why it could not be drawn; empty when it was.
        alternative: What it shows, with its figures, for who does not see it.
    """

    name: str
    title: str
    section: str
    caption: str = ""
    missing: str = ""
    alternative: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A finding in words.

    Attributes:
        about: Heading it belongs under.
        title: The finding in a few words.
        text: The finding with its numbers.
        tone: `result`, `note` or `warning`.
        points: Its details, one per suite.
    """

    about: str
    title: str
    text: str
    tone: str
    points: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportModel:
    """A whole report.

    Attributes:
        schema: Version of this record.
        run: Name of the run directory.
        made_at: UTC date of the report, ISO 8601: the only part that a second run changes.
        study: The study.
        machine: The machine.
        headline: What a reply costs, for a neighbour: one or two sentences.
        passages: The discussion.
        rows: One per arm, suite and purpose.
        ratios: Every arm over its group's reference, corrected within group and figure.
        findings: What the discussion was made from.
        splits: Where the joules of a reply go.
        roofs: Decoding under the bandwidth roof.
        attributions: Phase costs by arm.
        idle: Idle power by arm.
        traces: Power over time of a few trials.
        figures: Every figure, the missing ones included.
        events: What else happened.
        warnings: What the reader of the directory had to leave out.
        n_trials: Trials, the failed ones included.
        failures: Every trial that failed.
        suites: Names of the suites, in the study's order.
        quality: How the models were judged; empty where they were not.
        learnt: What the run taught, in plain words, from verdicts alone.
        next_step: What to do next, with one command between backquotes.
        metrics: What a reader must know of each metric, by its name in `estimates`.
    """

    schema: int
    run: str
    made_at: str
    study: StudyRecord
    machine: MachineRecord
    headline: str
    passages: tuple[Passage, ...]
    rows: tuple[Row, ...]
    ratios: tuple[Ratio, ...]
    findings: tuple[Finding, ...]
    splits: tuple[PhaseSplit, ...]
    roofs: tuple[RooflinePoint, ...]
    attributions: tuple[Attribution, ...]
    idle: tuple[IdleRow, ...]
    traces: tuple[PowerTrace, ...]
    figures: tuple[FigureEntry, ...]
    events: tuple[RunEvent, ...]
    warnings: tuple[str, ...]
    n_trials: int
    failures: tuple[Failure, ...]
    suites: tuple[str, ...] = field(default=())
    quality: tuple[QualityRecord, ...] = ()
    learnt: str = ""
    next_step: str = ""
    metrics: dict[str, MetricFacts] = field(default_factory=dict)

    def suite_rows(self, group: str = "", suite: str = "") -> tuple[Row, ...]:
        """Return the rows of suite windows, of one group or suite if named."""
        return tuple(
            row
            for row in self.rows
            if row.purpose is Purpose.SUITE
            and (not group or group in row.groups)
            and (not suite or row.suite == suite)
        )
