"""What a run shows, as typed values. Words for them are made elsewhere."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from llamawatt.analysis.compare.verdict import Ratio
from llamawatt.analysis.estimates.attribution import Attribution
from llamawatt.analysis.estimates.drift import Autocorrelation, Drift
from llamawatt.analysis.estimates.roofline import RooflinePoint
from llamawatt.analysis.estimates.stats import Estimate
from llamawatt.core.flags import Flag


@dataclass(frozen=True, slots=True)
class Ranked:
    """One arm in a ranking."""

    arm: str
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Ranking:
    """Who comes first, in one group, suite and figure.

    Attributes:
        group: Group of arms.
        suite: Suite.
        metric: Field of `Metrics`.
        order: Arms from best to worst by their means.
        tied: Arms that are not distinguishable from the first.
        lead: The first over the second.
        methods: Methods of the joules in it.
    """

    group: str
    suite: str
    metric: str
    order: tuple[Ranked, ...]
    tied: tuple[str, ...]
    lead: Ratio | None
    methods: tuple[str, ...]
    kind: Literal["ranking"] = "ranking"


class Race(StrEnum):
    """How speed, power and energy of one arm relate to its baseline's."""

    RACE_TO_SLEEP = "race to sleep"
    COSTLY_HASTE = "costly haste"
    FASTER_AND_COOLER = "faster and cooler"
    SLOW_AND_STEADY = "slow and steady"
    SLOWER_AND_COSTLIER = "slower and costlier"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class RaceToSleep:
    """Whether an arm pays for its speed with power, and wins or loses joules by it."""

    arm: str
    baseline: str
    suite: str
    latency: Ratio
    power: Ratio
    energy: Ratio
    outcome: Race
    kind: Literal["race"] = "race"


@dataclass(frozen=True, slots=True)
class ScalingPoint:
    """One level of a factor."""

    value: float
    arm: str
    latency_s: Estimate
    energy_j: Estimate | None
    j_per_token: Estimate | None
    tok_per_s: Estimate | None


@dataclass(frozen=True, slots=True)
class Scaling:
    """What more of a factor brings.

    Attributes:
        group: Group of arms.
        factor: The factor.
        device: Where.
        suite: Suite.
        points: In ascending order of the factor.
        fastest: Level of the lowest mean latency.
        thriftiest: Level of the fewest joules per reply; None without joules.
        saturates_at: Smallest level that no higher one beats in latency beyond doubt.
        latency: The fastest level over the lowest level, in latency.
        energy: The thriftiest level over the fastest one, in joules; None when they are one.
        beyond: The fastest level above `saturates_at` over it, in latency; None when there is
            no level above.
        all_slower: Whether every level above `saturates_at` is slower than it beyond doubt.
        saved: The fastest level over the lowest level, in joules.
        held: What else tells this line from others.
    """

    group: str
    factor: str
    device: str
    suite: str
    points: tuple[ScalingPoint, ...]
    fastest: float
    thriftiest: float | None
    saturates_at: float
    latency: Ratio | None
    energy: Ratio | None
    beyond: Ratio | None = None
    all_slower: bool = False
    saved: Ratio | None = None
    held: str = ""
    kind: Literal["scaling"] = "scaling"


class Offload(StrEnum):
    """What partial offload is, beside none and all."""

    TRAP = "trap"
    BETWEEN = "between"
    BEST = "best"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class PartialOffload:
    """A partly offloaded arm beside both ends, in joules per reply (or latency without joules)."""

    suite: str
    metric: str
    arm: str
    n_gpu_layers: float
    none: str
    full: str
    to_none: Ratio
    to_full: Ratio
    outcome: Offload
    kind: Literal["offload"] = "offload"


@dataclass(frozen=True, slots=True)
class Streams:
    """What serving several streams at once brings and costs, beside one stream."""

    suite: str
    device: str
    one: str
    many: str
    n_streams: float
    throughput: Ratio
    latency: Ratio
    j_per_token: Ratio | None
    kind: Literal["streams"] = "streams"


@dataclass(frozen=True, slots=True)
class Residency:
    """What it costs to keep a model loaded.

    Attributes:
        arm: The arm whose model was resident.
        bare_w: Idle power with nothing running.
        model_w: Idle power with the model resident.
        extra_w: Their mean difference.
        load_above_j: Joules to load it again, above bare idle; None when not measured.
        break_even_s: Silence after which unloading saves energy, `load_above_j / extra_w`; None
            when it cannot be told.
        modelled: Whether any part is modelled.
    """

    arm: str
    bare_w: Estimate
    model_w: Estimate
    extra_w: Estimate
    load_above_j: Estimate | None
    break_even_s: Estimate | None
    modelled: bool
    kind: Literal["residency"] = "residency"


@dataclass(frozen=True, slots=True)
class PaperClaim:
    """The study's "about 5x latency, 2x energy" of GPU over CPU, beside what this machine shows.

    Ratios are CPU over GPU, over all suites. `blind_to` names a device without a meter, for which
    there is no ratio of energies.
    """

    gpu: str
    cpu: str
    latency: Ratio
    energy: Ratio | None
    blind_to: str = ""
    paper_latency_ratio: float = 5.0
    paper_energy_ratio: float = 2.0
    kind: Literal["paper"] = "paper"


@dataclass(frozen=True, slots=True)
class Phases:
    """What a token costs while prefilling and while decoding."""

    attribution: Attribution
    decode_over_prefill: float
    kind: Literal["phases"] = "phases"


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """How near decoding comes to what the memory can deliver."""

    point: RooflinePoint
    kind: Literal["bandwidth"] = "bandwidth"


@dataclass(frozen=True, slots=True)
class Modelled:
    """That joules were modelled, and how weak they are.

    Attributes:
        domains: Modelled domains in the total.
        share: Largest share of any arm's joules that is modelled.
        gain_error: Largest relative error stated for them.
        measured: Measured domains in the total.
    """

    domains: tuple[str, ...]
    share: float
    gain_error: float
    measured: tuple[str, ...]
    kind: Literal["modelled"] = "modelled"


@dataclass(frozen=True, slots=True)
class Blind:
    """Arms whose own device no meter covers: their joules are not those of their work."""

    arms: tuple[str, ...]
    device: str
    kind: Literal["blind"] = "blind"


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that is not measured here."""

    meter: str
    reason: str
    remedy: str
    kind: Literal["gap"] = "gap"


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A doubt that a share of the trials carries."""

    flag: Flag
    n_trials: int
    n_all: int
    kind: Literal["flag"] = "flag"


@dataclass(frozen=True, slots=True)
class Failures:
    """Trials that failed; they make no figure."""

    n_failed: int
    n_all: int
    errors: tuple[str, ...]
    kind: Literal["failures"] = "failures"


@dataclass(frozen=True, slots=True)
class Outliers:
    """Trials marked as outliers in the primary metric; all of them are kept."""

    metric: str
    n_outliers: int
    n_all: int
    kind: Literal["outliers"] = "outliers"


@dataclass(frozen=True, slots=True)
class Trend:
    """Whether the figure moved over the run, and which arms moved apart.

    Attributes:
        drift: Of all arms together.
        uneven: Pairs of arms whose ratio moved; None where too few blocks tell.
    """

    drift: Drift
    uneven: tuple[tuple[str, str], ...] | None
    kind: Literal["trend"] = "trend"


@dataclass(frozen=True, slots=True)
class Memory:
    """Whether a trial resembles the one before it."""

    autocorrelation: Autocorrelation
    kind: Literal["memory"] = "memory"


@dataclass(frozen=True, slots=True)
class Wide:
    """Cells whose interval is wider than the protocol asked for."""

    metric: str
    target: float
    cells: tuple[str, ...]
    n_all: int
    widest: float | None
    kind: Literal["wide"] = "wide"


@dataclass(frozen=True, slots=True)
class FewerBits:
    """Whether the fewest bits per weight saved energy against the most.

    Attributes:
        suite: Suite.
        fewest_bits: Bits per weight of the arm in the numerators.
        most_bits: Bits per weight of the arm in the denominators.
        energy: Joules per token, fewest over most.
        speed: Tokens per second, fewest over most.
    """

    suite: str
    fewest_bits: float
    most_bits: float
    energy: Ratio
    speed: Ratio
    kind: Literal["bits"] = "bits"


@dataclass(frozen=True, slots=True)
class CacheSetting:
    """Whether a cache type, or flash attention off, saved energy against the f16 cache.

    Attributes:
        suite: Suite.
        model: Name of the model.
        setting: The setting in the numerators, in words.
        plain: The setting in the denominators, in words.
        is_smaller: Whether it takes fewer bytes of cache; otherwise only flash attention differs.
        kv_bytes_per_token: Its cache, bytes per token of context; None where it cannot be told.
        plain_bytes_per_token: That of the denominators.
        energy: Joules per token, setting over plain.
        speed: Tokens per second, setting over plain.
    """

    suite: str
    model: str
    setting: str
    plain: str
    is_smaller: bool
    kv_bytes_per_token: float | None
    plain_bytes_per_token: float | None
    energy: Ratio
    speed: Ratio
    kind: Literal["cache"] = "cache"


@dataclass(frozen=True, slots=True)
class Cheapest:
    """The cheapest arm among those whose quality still passes, and what it cannot be told from.

    Attributes:
        group: Group of arms.
        suite: Suite.
        arm: The passing arm of the fewest mean joules per token.
        tied: Other passing arms that are not distinguishable from it, or cannot be compared.
        others: Joules per token of every other passing arm over it, where they can be compared.
    """

    group: str
    suite: str
    arm: str
    tied: tuple[str, ...]
    others: tuple[Ratio, ...]
    kind: Literal["cheapest"] = "cheapest"


Finding = (
    Ranking | RaceToSleep | Scaling | PartialOffload | Streams | Residency | PaperClaim | Phases
    | Bandwidth | FewerBits | CacheSetting | Cheapest | Modelled | Blind | Gap | Doubtful | Failures
    | Outliers | Trend | Memory | Wide
)  # fmt: skip
"""Anything a run can show."""
