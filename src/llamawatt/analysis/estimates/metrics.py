"""From requests and joules to what a trial comes to: pure arithmetic over records."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from llamawatt.core.flags import Flag
from llamawatt.core.readings import Domain, EnergyReading, Method
from llamawatt.core.trials import DomainEnergy, IdlePower, Metrics, RequestRecord, Window


def domain_energy(reading: EnergyReading, domain: Domain, idle: IdlePower | None) -> DomainEnergy:
    """Turn a window's reading into the record of its domain, gross and above idle.

    Above idle is `E - P_idle * t`; its random error adds both parts in quadrature. Measured
    energy less modelled idle (or the reverse) is no quantity, so then there is no above-idle.

    Args:
        reading: Energy of the domain over the window.
        domain: The domain that was read.
        idle: Its mean power with the model resident; None when no idle window was taken.

    Returns:
        The record, with the reading's own flags, and `modelled` where it applies.

    Raises:
        ValueError: The window has no length.
    """
    if not reading.duration_s > 0:
        raise ValueError(f"window of {reading.domain} has no length: {reading.duration_s} s")
    above_idle_j, above_idle_uncertainty_j = None, None
    if idle is not None and _same_kind(idle.method, reading.method):
        above_idle_j = reading.energy_j - idle.power_w * reading.duration_s
        above_idle_uncertainty_j = math.hypot(
            reading.uncertainty_j, idle.uncertainty_w * reading.duration_s
        )
    flags = reading.flags
    if reading.method is Method.MODEL and Flag.MODELLED not in flags:
        flags = (*flags, Flag.MODELLED)
    return DomainEnergy(
        energy_j=reading.energy_j,
        uncertainty_j=reading.uncertainty_j,
        systematic_j=reading.systematic_j,
        method=reading.method,
        mean_power_w=reading.mean_power_w,
        above_idle_j=above_idle_j,
        above_idle_uncertainty_j=above_idle_uncertainty_j,
        source=domain.source,
        in_total=domain.in_total,
        flags=flags,
    )


@dataclass(frozen=True, slots=True)
class EnergySum:
    """Joules of several domains together.

    Attributes:
        energy_j: Their sum.
        uncertainty_j: Half-width of the 95 % interval of its random error, in quadrature.
        systematic_j: 95 % bound of its gain error, added linearly.
    """

    energy_j: float
    uncertainty_j: float
    systematic_j: float


def energy_sum(parts: Sequence[DomainEnergy]) -> EnergySum | None:
    """Sum domains; without any there is no sum, and no zero in its place."""
    if not parts:
        return None
    return EnergySum(
        energy_j=math.fsum(part.energy_j for part in parts),
        uncertainty_j=math.hypot(*(part.uncertainty_j for part in parts)),
        systematic_j=math.fsum(part.systematic_j for part in parts),
    )


def trial_metrics(
    requests: Sequence[RequestRecord], energy: Mapping[str, DomainEnergy], window: Window
) -> Metrics:
    """Return what a trial comes to, exactly as `Metrics` defines each figure.

    Energy per reply is the window's joules, summed over the domains in the total, over its
    replies: the gaps between requests are paid for too. Random errors of the domains add in
    quadrature, their gain errors linearly. With concurrent streams the same division gives
    each reply its share, and latencies still are those that each client saw.

    Args:
        requests: Every finished request of the window.
        energy: By domain name; domains outside the total are left out of every sum.
        window: From the first to the last byte of the work.

    Raises:
        ValueError: There is no request, or the window has no length.
    """
    if not requests:
        raise ValueError("a window without a finished request has no metrics")
    if not window.duration_s > 0:
        raise ValueError(f"the window has no length: {window.duration_s} s")
    n_replies = len(requests)
    n_prompt = sum(request.n_prompt for request in requests)
    n_generated = sum(request.n_generated for request in requests)
    latency_s = math.fsum(request.latency_s for request in requests) / n_replies
    total = tuple(part for part in energy.values() if part.in_total)
    summed = energy_sum(total)
    energy_j = None if summed is None else summed.energy_j
    above_idle_j = _total(part.above_idle_j for part in total)
    reply_j = _over(energy_j, n_replies)
    return Metrics(
        latency_s=latency_s,
        ttft_s=_mean(request.ttft_s for request in requests),
        tpot_s=_tpot_s(requests),
        energy_j=reply_j,
        uncertainty_j=_over(summed.uncertainty_j if summed else None, n_replies),
        systematic_j=_over(summed.systematic_j if summed else None, n_replies),
        measured_j=_over(_part_j(total, modelled=False), n_replies),
        modelled_j=_over(_part_j(total, modelled=True), n_replies),
        above_idle_j=_over(above_idle_j, n_replies),
        j_per_token=_over(energy_j, n_generated),
        above_idle_j_per_token=_over(above_idle_j, n_generated),
        edp_js=None if reply_j is None else reply_j * latency_s,
        ed2p_js2=None if reply_j is None else reply_j * latency_s**2,
        tok_per_s=n_generated / window.duration_s,
        prefill_tok_per_s=_rate(n_prompt, (request.prefill_s for request in requests)),
        decode_tok_per_s=_decode_rate(requests),
        n_replies=n_replies,
        n_prompt=n_prompt,
        n_generated=n_generated,
    )


def _same_kind(a: Method, b: Method) -> bool:
    return (a is Method.MODEL) == (b is Method.MODEL)


def _part_j(total: tuple[DomainEnergy, ...], *, modelled: bool) -> float | None:
    """Sum one kind; without any domain there is no sum, and no zero in its place."""
    if not total:
        return None
    return math.fsum(p.energy_j for p in total if (p.method is Method.MODEL) == modelled)


def _total(parts: Iterable[float | None]) -> float | None:
    """Sum that exists only if there are parts and every one of them is known."""
    known: list[float] = []
    for part in parts:
        if part is None:
            return None
        known.append(part)
    return math.fsum(known) if known else None


def _mean(values: Iterable[float | None]) -> float | None:
    listed = tuple(values)
    total = _total(listed)
    return None if total is None else total / len(listed)


def _over(value: float | None, n: int) -> float | None:
    return value / n if value is not None and n else None


def _tpot_s(requests: Sequence[RequestRecord]) -> float | None:
    """Mean over the replies that have a second token; None if any of them was not streamed."""
    longer = tuple(request for request in requests if request.n_generated > 1)
    return _mean(
        None if r.ttft_s is None else (r.latency_s - r.ttft_s) / (r.n_generated - 1) for r in longer
    )


def _decode_rate(requests: Sequence[RequestRecord]) -> float | None:
    """The first token comes out of the prompt's own pass: n tokens take n - 1 decode steps."""
    longer = tuple(request for request in requests if request.n_generated > 1)
    n_steps = sum(request.n_generated - 1 for request in longer)
    return _rate(n_steps, (request.decode_s for request in longer))


def _rate(n_tokens: int, durations_s: Iterable[float | None]) -> float | None:
    total_s = _total(durations_s)
    return n_tokens / total_s if n_tokens and total_s else None
