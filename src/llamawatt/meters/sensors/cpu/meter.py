"""The meter of modelled CPU energy, labelled so, with a neighbour's part kept apart."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from llamawatt.core.clock import Clock, SystemClock
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity, Sample, Unavailable
from llamawatt.core.trials import FactorValue
from llamawatt.host.cpu.busy_time import busy_by_cpu_s, tick_s
from llamawatt.meters.sensors.cpu.model import CpuPowerModel

DOMAIN = "cpu-package-0"
FOLD_S = 0.1
"""Over so much time busy shares are formed: ten ticks of the kernel's accounting."""
CARRY_S = 0.05
"""How much of a count may come late."""


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """Where CPU time is read.

    Attributes:
        busy_by_cpu_s: Returns the busy seconds of each logical CPU.
        own_s: Returns the CPU seconds of the processes that are charged; None charges everybody.
        tick_s: The step in which they are counted.
    """

    busy_by_cpu_s: Callable[[], Mapping[int, float]] = busy_by_cpu_s
    own_s: Callable[[], float] | None = None
    tick_s: float = tick_s()


@dataclass(frozen=True, slots=True)
class _Moment:
    """A moment up to which energy is settled."""

    t_s: float
    busy_s: Mapping[int, float]
    own_s: float | None
    energy_j: float = 0.0
    others_j: float = 0.0


class CpuModelMeter:
    """Cumulative modelled joules of the processor, from the busy time of its cores.

    Idle power is charged in full. What busy cores add is charged by CPU time: the share of the
    processes that are charged counts, the others' is kept apart and told as evidence.

    Args:
        model: The power model.
        clock: The clock.
        times: Where CPU time is read.
    """

    def __init__(
        self, model: CpuPowerModel, clock: Clock | None = None, times: CpuTimes | None = None
    ) -> None:
        self._model = model
        self._clock = clock or SystemClock()
        self._times = times or CpuTimes()
        self._start_s = self._clock.now_s()
        self._settled = _Moment(0.0, self._times.busy_by_cpu_s(), self._own_s())
        self._told_j = 0.0
        self._closed = False
        self._domain = _domain(model, charges_own=self._times.own_s is not None)

    @property
    def name(self) -> str:
        """Return `cpu-model`."""
        return "cpu-model"

    @property
    def model(self) -> CpuPowerModel:
        """The power model."""
        return self._model

    def domains(self) -> tuple[Domain, ...]:
        """Return the one modelled domain."""
        return (self._domain,)

    def read(self, domain: str) -> Sample | Unavailable:
        """Model the energy so far; see `Meter.read`."""
        if self._closed:
            raise RuntimeError("the meter is closed")
        if domain != self._domain.name:
            raise KeyError(domain)
        before_s = self._clock.now_s()
        moment = self._now()
        after_s = self._clock.now_s()
        # Shares of time are coarse at first: a counter must not run backwards for that.
        self._told_j = max(self._told_j, moment.energy_j)
        return Sample((before_s + after_s) / 2, energy_j=self._told_j, read_s=after_s - before_s)

    def evidence(self) -> dict[str, FactorValue]:
        """Return the modelled joules of other processes since the meter was opened."""
        if self._times.own_s is None or self._closed:
            return {}
        return {f"{DOMAIN}.others_j": round(self._now().others_j, 3)}

    def close(self) -> None:
        """Stop modelling."""
        self._closed = True

    def _now(self) -> _Moment:
        busy_s, own_s = self._times.busy_by_cpu_s(), self._own_s()
        # Time is counted in the same ticks as busy time, so that the counter is seen to be no
        # finer than the kernel's accounting.
        elapsed_s = self._clock.now_s() - self._start_s
        t_s = math.floor(elapsed_s / self._times.tick_s) * self._times.tick_s
        moment = _advanced(self._model, self._settled, _Moment(t_s, busy_s, own_s))
        if t_s - self._settled.t_s >= FOLD_S:
            self._settled = moment
        return moment

    def _own_s(self) -> float | None:
        return None if self._times.own_s is None else self._times.own_s()


def _advanced(model: CpuPowerModel, before: _Moment, now: _Moment) -> _Moment:
    """Return `now` with the energy since `before` added.

    The same power may be modelled over any division of the time: busy shares go into it to a power
    below one, so that energy rises with time as well as with busy time.
    """
    length_s = now.t_s - before.t_s
    if length_s <= 0:
        return before
    used_s = {
        number: min(max(0.0, busy_s - before.busy_s.get(number, busy_s)), length_s)
        for number, busy_s in now.busy_s.items()
    }
    shares = {number: busy_s / length_s for number, busy_s in used_s.items()}
    load_j = model.estimate.span_w * model.curve.span_share(model.topology, shares) * length_s
    own_share, own_s = _own_share(before.own_s, now.own_s, sum(used_s.values()))
    busy_s = {
        number: _carried(before.busy_s.get(number, total_s), used_s[number], total_s)
        for number, total_s in now.busy_s.items()
    }
    return _Moment(
        now.t_s,
        busy_s,
        own_s,
        before.energy_j + model.estimate.idle_w * length_s + load_j * own_share,
        before.others_j + load_j * (1 - own_share),
    )


def _own_share(
    before_s: float | None, now_s: float | None, used_s: float
) -> tuple[float, float | None]:
    """Return the charged processes' share of the busy time, and what of theirs is settled."""
    if before_s is None or now_s is None:
        return 1.0, None
    own_s = min(max(0.0, now_s - before_s), used_s)
    return own_s / used_s if used_s else 1.0, _carried(before_s, own_s, now_s)


def _carried(before_s: float, used_s: float, total_s: float) -> float:
    """Return up to where a count is settled: what exceeds the time itself came a tick late.

    More than that (after a suspend, or where two counts disagree for good) is let go.
    """
    return max(before_s + used_s, total_s - CARRY_S)


def _domain(model: CpuPowerModel, *, charges_own: bool) -> Domain:
    charged = " Other processes' CPU time is not charged to the work." if charges_own else ""
    return Domain(
        name=DOMAIN,
        kind=DomainKind.CPU_PACKAGE,
        quantity=Quantity.ENERGY,
        method=Method.MODEL,
        source="cpu-model",
        device=model.cpu,
        gain_error=model.estimate.gain_error(model.full_w),
        gain_source=model.bound_source,
        note=model.note + charged,
        estimate=model.estimate,
    )
