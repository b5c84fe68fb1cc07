"""What Prometheus reads at /metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from llamawatt.gateway.energy.accounts import Totals
from llamawatt.gateway.energy.figure import AnswerEnergy
from llamawatt.gateway.policy.router import State
from llamawatt.gateway.pool.pool import Pool
from llamawatt.gateway.store.rows import RequestRow

TTFT_S = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


class Metrics:
    """The gateway's own registry: nothing global, so that two gateways can live in one process."""

    def __init__(self) -> None:
        own = CollectorRegistry()
        self._registry = own
        labels = ("model", "target")
        self._requests = Counter(
            "llamawatt_requests", "Finished requests.", (*labels, "status"), registry=own
        )
        self._tokens = Counter(
            "llamawatt_tokens", "Tokens of finished requests.", (*labels, "kind"), registry=own
        )
        self._energy_j = Counter(
            "llamawatt_request_joules", "Settled energy of answers.", labels, registry=own
        )
        self._ttft_s = Histogram(
            "llamawatt_ttft_seconds",
            "Time to the first token.",
            labels,
            buckets=TTFT_S,
            registry=own,
        )
        self._totals = Gauge(
            "llamawatt_joules",
            "All energy since the start: measured = attributed + alone; waking lies within alone, "
            "gateway within both.",
            ("part",),
            registry=own,
        )
        self._gap = Gauge(
            "llamawatt_conservation_gap_ratio",
            "What is attributed or alone, over what was measured, less 1.",
            registry=own,
        )
        self._power_w = Gauge("llamawatt_domain_watts", "Power now.", ("domain",), registry=own)
        self._up = Gauge(
            "llamawatt_target_state", "1 for the state.", (*labels, "state"), registry=own
        )
        self._busy = Gauge(
            "llamawatt_target_requests", "In flight.", (*labels, "kind"), registry=own
        )
        self._off = Gauge(
            "llamawatt_prediction_error_ratio",
            "Mean |ln(actual / predicted)| of lone requests.",
            (*labels, "what"),
            registry=own,
        )
        self._unwritten = Gauge("llamawatt_unwritten_requests", "Rows not on disk.", registry=own)

    def finished(self, row: RequestRow) -> None:
        """Count a finished request."""
        self._requests.labels(row.model, row.target, str(row.status)).inc()
        self._tokens.labels(row.model, row.target, "prompt").inc(row.n_prompt or 0)
        self._tokens.labels(row.model, row.target, "generated").inc(row.n_generated or 0)
        if row.ttft_s is not None:
            self._ttft_s.labels(row.model, row.target).observe(row.ttft_s)

    def settled(self, row: RequestRow, figure: AnswerEnergy) -> None:
        """Count an answer's final energy; a difference that came out below zero adds nothing."""
        if not figure.reason:
            self._energy_j.labels(row.model, row.target).inc(max(0.0, figure.energy_j))

    def text(
        self, totals: Totals, power_w: dict[str, float | None], pool: Pool, n_unwritten: int
    ) -> bytes:
        """Return everything in Prometheus' text form."""
        for part in ("measured", "attributed", "above_idle", "alone", "waking", "gateway"):
            self._totals.labels(part).set(getattr(totals, f"{part}_j"))
        told_j = totals.attributed_j + totals.alone_j
        self._gap.set(told_j / totals.measured_j - 1.0 if totals.measured_j > 0 else 0.0)
        for domain, watts in power_w.items():
            self._power_w.labels(domain).set(float("nan") if watts is None else watts)
        for each in pool.targets:
            for state in State:
                self._up.labels(each.model, each.name, state.value).set(each.state is state)
            self._busy.labels(each.model, each.name, "busy").set(each.n_busy)
            self._busy.labels(each.model, each.name, "waiting").set(each.n_waiting)
            self._off.labels(each.model, each.name, "energy").set(each.learnt.energy.error_ratio)
            self._off.labels(each.model, each.name, "time").set(each.learnt.time.error_ratio)
        self._unwritten.set(n_unwritten)
        return generate_latest(self._registry)
