"""The figures a trial yields: their names for people, units, and which way is better."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a figure is made of: decides which errors it carries."""

    TIME = "time"
    RATE = "rate"
    ENERGY = "energy"
    ABOVE_IDLE = "above-idle"


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """One figure of `core.trials.Metrics`.

    Attributes:
        key: Its field in `Metrics`; `power_w` is the window's joules over its length.
        label: Its name for people.
        unit: As printed on an axis.
        kind: What it is made of.
        per: What one figure covers, as `reply` or `token`.
    """

    key: str
    label: str
    unit: str
    kind: Kind
    per: str

    @property
    def lower_is_better(self) -> bool:
        """Whether less is better: true but for rates."""
        return self.kind is not Kind.RATE

    @property
    def is_energy(self) -> bool:
        """Whether joules enter it, and with them the sensors' errors."""
        return self.kind in {Kind.ENERGY, Kind.ABOVE_IDLE}


METRICS: dict[str, MetricInfo] = {
    info.key: info
    for info in (
        MetricInfo("latency_s", "Latency", "s", Kind.TIME, "reply"),
        MetricInfo("ttft_s", "Time to first token", "s", Kind.TIME, "reply"),
        MetricInfo("tpot_s", "Time per output token", "s", Kind.TIME, "token"),
        MetricInfo("energy_j", "Energy", "J", Kind.ENERGY, "reply"),
        MetricInfo("above_idle_j", "Energy above idle", "J", Kind.ABOVE_IDLE, "reply"),
        MetricInfo("j_per_token", "Energy per token", "J/token", Kind.ENERGY, "token"),
        MetricInfo(
            "above_idle_j_per_token",
            "Energy per token above idle",
            "J/token",
            Kind.ABOVE_IDLE,
            "token",
        ),
        MetricInfo("edp_js", "Energy-delay product", "J·s", Kind.ENERGY, "reply"),
        MetricInfo("ed2p_js2", "Energy-delay² product", "J·s²", Kind.ENERGY, "reply"),
        MetricInfo("power_w", "Mean power", "W", Kind.ENERGY, "window"),
        MetricInfo("tok_per_s", "Throughput", "tok/s", Kind.RATE, "window"),
        MetricInfo("prefill_tok_per_s", "Prefill speed", "tok/s", Kind.RATE, "stream"),
        MetricInfo("decode_tok_per_s", "Decode speed", "tok/s", Kind.RATE, "stream"),
    )
}
"""Every comparable figure, in the order of a reader's interest."""
