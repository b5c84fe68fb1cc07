"""The doubts that a trial travels with: what was seen of it decides which flags it gets."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llamawatt.core.flags import Flag
from llamawatt.core.readings import DomainKind, Method
from llamawatt.core.trials import DomainEnergy, FactorValue, IdlePower, RequestRecord, Window
from llamawatt.host.other_load import NOTABLE_SHARE
from llamawatt.measure.assignment import Assignment
from llamawatt.measure.instruments import Rig
from llamawatt.measure.session import Session
from llamawatt.study.arms import Arm

GPU_KINDS = {DomainKind.GPU, DomainKind.SOC}
"""Domains that hold a GPU's energy."""
DRIFT_SHARE = 0.1
"""Idle power that moved by more than this share, and than both uncertainties, has drifted."""


DISTURBANCES = frozenset(
    {Flag.OTHER_LOAD, Flag.FOREIGN_GPU_PROCESS, Flag.CLOCK_STEPPED, Flag.IDLE_BUSY}
)
"""What spoils a window from outside, and may be gone when it is measured again."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a trial gave.

    Attributes:
        requests: Its requests.
        window: Its window.
        energy: By domain.
        evidence: What the devices told before and after.
    """

    requests: Sequence[RequestRecord]
    window: Window
    energy: Mapping[str, DomainEnergy]
    evidence: Mapping[str, FactorValue]


def doubts(rig: Rig, session: Session, task: Assignment, seen: Seen) -> tuple[Flag, ...]:
    """Return a trial's flags, each once."""
    flags = dict.fromkeys((*rig.instrument.doubts(), *rig.circumstances, *session.endpoint.flags))
    summed = [seen.energy[name] for name in task.boundary if name in seen.energy]
    conditions = {
        **_of_energy(task, summed),
        **_of_requests(task, seen.requests),
        **_of_machine(seen.evidence),
        Flag.WINDOW_SHORT: seen.window.duration_s < task.protocol.window_min_s,
        Flag.SHARED_WINDOW: (session.arm.spec.n_parallel or 1) > 1,
        Flag.SYNTHETIC_MODEL: task.synthetic,
        Flag.GPU_NOT_MEASURED: _is_blind_to_gpu(rig, session.arm, task.boundary),
        Flag.SERVER_ELSEWHERE: session.arm.elsewhere,
        Flag.IDLE_UNSETTLED: session.idle_unsettled,
        Flag.IDLE_BUSY: session.idle_busy,
        Flag.IDLE_DRIFT: has_drifted(task.first_idle, session.idle["model"], task.boundary),
    }
    flags.update({flag: None for flag, holds in conditions.items() if holds})
    flags.update({flag: None for part in summed for flag in part.flags})
    flags.update({flag: None for request in seen.requests for flag in request.flags})
    return tuple(flags)


def has_drifted(
    first: Mapping[str, IdlePower], now: Mapping[str, IdlePower], boundary: Sequence[str]
) -> bool:
    """Tell whether idle power, summed over the domains known of both, has moved."""
    known = [name for name in boundary if name in first and name in now]
    first_w, now_w = (math.fsum(idle[name].power_w for name in known) for idle in (first, now))
    doubt_w = math.hypot(*(idle[name].uncertainty_w for idle in (first, now) for name in known))
    return abs(now_w - first_w) > max(doubt_w, DRIFT_SHARE * abs(first_w))


def _of_energy(task: Assignment, summed: Sequence[DomainEnergy]) -> dict[Flag, bool]:
    methods = {part.method is Method.MODEL for part in summed}
    return {
        Flag.MODELLED: methods == {True},
        Flag.MIXED_METHODS: len(methods) == 2,
        Flag.READS_FAILED: len(summed) < len(task.boundary),
    }


def _of_requests(task: Assignment, requests: Sequence[RequestRecord]) -> dict[Flag, bool]:
    asked = {ask.prompt_id: ask.n_predict for ask in task.works}
    return {
        Flag.CLIENT_TIMED: any(r.timed_by.get("decode_s") == "client" for r in requests),
        Flag.PROMPT_CACHED: any(r.n_cached for r in requests),
        Flag.CACHE_UNKNOWN: any(r.n_cached is None for r in requests),
        Flag.LENGTH_NOT_FIXED: task.protocol.fixed_length
        and any(r.n_generated != asked[r.prompt_id] for r in requests),
    }


def _of_machine(evidence: Mapping[str, FactorValue]) -> dict[Flag, bool]:
    other_share = evidence.get("other_cpu_share")
    return {
        Flag.OTHER_LOAD: isinstance(other_share, float) and other_share > NOTABLE_SHARE,
        Flag.THROTTLED: any("throttle" in key and bool(value) for key, value in evidence.items()),
        Flag.FOREIGN_GPU_PROCESS: any("foreign" in k and bool(v) for k, v in evidence.items()),
    }


def _is_blind_to_gpu(rig: Rig, arm: Arm, boundary: tuple[str, ...]) -> bool:
    """Tell whether an arm works on a GPU that no summed domain covers: it would look frugal."""
    kinds = {domain.kind for domain in rig.instrument.domains if domain.name in boundary}
    return arm.record.device in {"gpu", "hybrid"} and not kinds & GPU_KINDS
