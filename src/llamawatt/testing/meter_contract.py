"""The contract of `Meter` as a test, for every adapter here and for those of others."""

import math
from collections.abc import Callable

from llamawatt.core.clock import Clock
from llamawatt.core.readings import Domain, Method, Quantity, Sample, Unavailable
from llamawatt.meters.base import Meter

N_READS = 5
NO_SUCH_DOMAIN = "no-such-domain"


def assert_meter_contract(factory: Callable[[], Meter], clock: Clock | None = None) -> None:
    """Check that a meter keeps the contract that the sampler relies on.

    Args:
        factory: Makes a fresh, open meter; it is called twice.
        clock: The clock that the meter stamps samples with; times are checked against it if given.

    Raises:
        AssertionError: the contract is broken; the message says which clause.
    """
    meter, other = factory(), factory()
    try:
        _check_domains(meter)
        for domain in meter.domains():
            _check_reads(meter, domain, clock)
        _check_unknown_domain(meter)
        _check_evidence(meter)
        other.close()
        for domain in meter.domains():
            _check_sample(domain, meter.read(domain.name))
    finally:
        meter.close()
        other.close()
    _check_closed(meter)


def _check_domains(meter: Meter) -> None:
    _require(isinstance(meter, Meter), "it has name, domains, read and close")
    _require(bool(meter.name), "the meter has a name")
    domains = meter.domains()
    _require(bool(domains), "the meter has at least one domain")
    _require(domains == meter.domains(), "domains() is the same for the meter's whole life")
    names = [domain.name for domain in domains]
    _require(len(set(names)) == len(names), f"domain names are unique: {names}")
    for domain in domains:
        _check_domain(domain)


def _check_domain(domain: Domain) -> None:
    name = domain.name
    _require(bool(domain.source), f"{name} names its source")
    _require(domain.gain_error >= 0, f"{name} has a gain error of zero or more")
    _require(
        not domain.gain_error or bool(domain.gain_source),
        f"{name} says where its gain error comes from",
    )
    _require(domain.checks != name, f"{name} does not check itself")
    _require(
        domain.checks is None or not domain.in_total,
        f"{name} is a cross-check and so must not be summed",
    )
    _require(
        domain.wrap_j is None or (domain.wrap_j > 0 and domain.quantity is Quantity.ENERGY),
        f"{name} wraps at a positive energy, and only if it counts energy",
    )
    _require(
        domain.method is not Method.COUNTER or domain.quantity is Quantity.ENERGY,
        f"{name} calls itself a counter and so must give cumulative energy",
    )
    _require(
        domain.method is not Method.MODEL or domain.gain_error > 0,
        f"{name} is modelled and so must state its error",
    )


def _check_reads(meter: Meter, domain: Domain, clock: Clock | None) -> None:
    last: Sample | None = None
    for _ in range(N_READS):
        before_s = clock.now_s() if clock else -math.inf
        found = meter.read(domain.name)
        after_s = clock.now_s() if clock else math.inf
        _check_sample(domain, found)
        if isinstance(found, Unavailable):
            continue
        _require(before_s <= found.t_s <= after_s, f"{domain.name} stamps a sample within its read")
        if last is not None:
            _check_order(domain, last, found)
        last = found
    _require(last is not None, f"{domain.name} can be read at least once in {N_READS} reads")


def _check_sample(domain: Domain, found: Sample | Unavailable) -> None:
    name = domain.name
    if isinstance(found, Unavailable):
        _require(bool(found.reason.strip()), f"{name} says why there is no sample")
        return
    _require(isinstance(found, Sample), f"{name} gives a Sample or Unavailable, not {found}")
    given, absent = found.energy_j, found.power_w
    if domain.quantity is Quantity.POWER:
        given, absent = absent, given
    _require(absent is None, f"{name} gives {domain.quantity.value} and nothing else")
    _require(
        given is not None and math.isfinite(given), f"{name} gives a finite {domain.quantity.value}"
    )
    _require(math.isfinite(found.t_s), f"{name} stamps a finite time")
    _require(found.read_s >= 0, f"{name} took zero seconds or more to read")


def _check_order(domain: Domain, last: Sample, found: Sample) -> None:
    _require(found.t_s >= last.t_s, f"{domain.name} stamps times that never run backwards")
    if last.energy_j is not None and found.energy_j is not None:
        _require(
            found.energy_j >= last.energy_j or domain.wrap_j is not None,
            f"{domain.name} never counts backwards",
        )


def _check_unknown_domain(meter: Meter) -> None:
    try:
        meter.read(NO_SUCH_DOMAIN)
    except KeyError:
        return
    raise AssertionError("broken contract: reading an unknown domain raises KeyError")


def _check_evidence(meter: Meter) -> None:
    source = getattr(meter, "evidence", None)
    if source is None:
        return
    for key, value in source().items():
        _require("." in key, f"evidence key {key!r} is DEVICE.what_unit")
        _require(
            value is None or isinstance(value, str | int | float | bool),
            f"evidence {key!r} is a plain value",
        )


def _check_closed(meter: Meter) -> None:
    for domain in meter.domains():
        try:
            meter.read(domain.name)
        except RuntimeError:
            continue
        raise AssertionError(f"broken contract: {domain.name} of a closed meter raises on read")


def _require(holds: bool, clause: str) -> None:
    if not holds:
        raise AssertionError(f"broken contract: {clause}")
