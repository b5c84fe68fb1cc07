"""One trial: the measured window and what is recorded of it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llamawatt.analysis.metrics import trial_metrics
from llamawatt.core.flags import Flag
from llamawatt.core.plan import ProtocolRecord
from llamawatt.core.readings import DomainKind, Method
from llamawatt.core.trials import (
    SCHEMA,
    DomainEnergy,
    FactorValue,
    Metrics,
    RequestRecord,
    Status,
    TrialRecord,
    Window,
)
from llamawatt.study.arms import Arm
from llamawatt.study.company import NOTABLE_SHARE, Company
from llamawatt.study.order import Cell, phase_delay_s, trial_id
from llamawatt.study.rig import Rig
from llamawatt.study.session import Session, energies
from llamawatt.targets.protocols import Ask

MAX_PASSES = 10_000
"""Passes in one window at most: a server that answers at once would never fill it otherwise."""
GPU_KINDS = {DomainKind.GPU, DomainKind.SOC}
"""Domains that hold a GPU's energy."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a trial is to do.

    Attributes:
        cell: The arm and suite.
        works: One pass of requests.
        block: Which block.
        order: Place in the order of execution.
        seed: Seed of the run.
        boundary: Names of the domains that must be summed.
        protocol: How trials are taken.
        synthetic: Whether the model's weights are random.
    """

    cell: Cell
    works: Sequence[Ask]
    block: int
    order: int
    seed: int
    boundary: tuple[str, ...]
    protocol: ProtocolRecord
    synthetic: bool = False

    @property
    def trial_id(self) -> str:
        """Id of the trial."""
        return trial_id(self.block, self.cell)


def measure(rig: Rig, session: Session, task: Assignment, company: Company) -> TrialRecord:
    """Take one trial.

    The order is: find the counters' ticks in the idle, wait a random part of a sensor period,
    work, find the ticks again in the idle that follows, read the energy between first and last
    byte.

    Raises:
        TargetError: the server went away or answered wrongly; nothing is recorded.
    """
    started_at = rig.today()
    before = rig.instrument.evidence()
    rig.instrument.edge()
    rig.clock.sleep_s(phase_delay_s(task.seed, task.trial_id, rig.instrument.slowest_period_s))
    company.start(session.endpoint.pid)
    requests = _work(rig, session, task)
    other_share = company.other_share()
    rig.instrument.edge()
    window = _window(requests)
    energy = energies(rig, window.t0_s, window.t1_s, session.idle["model"])
    evidence = _evidence(before, rig.instrument.evidence(), other_share)
    if session.endpoint.build:
        evidence["server_build"] = session.endpoint.build
    metrics = _metrics(requests, energy, window, task.boundary)
    return TrialRecord(
        schema=SCHEMA,
        trial_id=task.trial_id,
        arm=task.cell.arm,
        factors=dict(session.arm.record.factors),
        suite=task.cell.suite,
        repetition=task.block,
        block=task.block,
        order=task.order,
        purpose=task.cell.purpose,
        status=Status.OK,
        window=window,
        requests=tuple(requests),
        energy=energy,
        idle={level: dict(powers) for level, powers in session.idle.items()},
        load=session.load,
        metrics=metrics,
        flags=_flags(rig, session, task, (requests, window, energy), evidence),
        evidence=evidence,
        started_at=started_at,
    )


def failure(rig: Rig, arm: Arm, task: Assignment, why: str) -> TrialRecord:
    """Record a trial that gave nothing, with the reason."""
    now_s = rig.clock.now_s()
    return TrialRecord(
        schema=SCHEMA,
        trial_id=task.trial_id,
        arm=task.cell.arm,
        factors=dict(arm.record.factors),
        suite=task.cell.suite,
        repetition=task.block,
        block=task.block,
        order=task.order,
        purpose=task.cell.purpose,
        status=Status.FAILED,
        window=Window(now_s, now_s, 0.0),
        error=why,
        started_at=rig.today(),
    )


def _work(rig: Rig, session: Session, task: Assignment) -> list[RequestRecord]:
    """Send whole passes back to back until the window is long enough."""
    protocol = task.protocol
    n_parallel = session.arm.spec.n_parallel or 1
    wanted_s = max(protocol.window_min_s, protocol.periods_min * rig.instrument.slowest_period_s)
    # With several streams a pass must keep all of them busy for a while.
    one_pass = list(task.works) * math.ceil(2 * n_parallel / len(task.works))
    one_pass = one_pass if n_parallel > 1 else list(task.works)
    requests = _send(session, one_pass, n_parallel, protocol)
    n_passes = 1
    while (elapsed_s := _window(requests).duration_s) < wanted_s and n_passes < MAX_PASSES:
        missing = math.ceil((wanted_s - elapsed_s) / max(elapsed_s / n_passes, 1e-6))
        more = min(missing, MAX_PASSES - n_passes)
        requests += _send(session, one_pass * more, n_parallel, protocol)
        n_passes += more
    return requests


def _send(
    session: Session, works: Sequence[Ask], n_parallel: int, protocol: ProtocolRecord
) -> list[RequestRecord]:
    return session.client.run(works, n_parallel=n_parallel, fixed_length=protocol.fixed_length)


def _window(requests: Sequence[RequestRecord]) -> Window:
    t0_s = min(request.t0_s for request in requests)
    t1_s = max(request.t0_s + request.latency_s for request in requests)
    return Window(t0_s, t1_s, t1_s - t0_s)


def _metrics(
    requests: Sequence[RequestRecord],
    energy: Mapping[str, DomainEnergy],
    window: Window,
    boundary: tuple[str, ...],
) -> Metrics:
    """Sum the boundary, or nothing: a sum that lacks a domain would look like a saving."""
    complete = all(name in energy for name in boundary)
    summed = {name: energy[name] for name in boundary} if complete else {}
    return trial_metrics(requests, summed, window)


def _evidence(
    before: Mapping[str, FactorValue],
    after: Mapping[str, FactorValue],
    other_share: float | None,
) -> dict[str, FactorValue]:
    evidence = {f"before.{key}": value for key, value in before.items()}
    evidence.update({f"after.{key}": value for key, value in after.items()})
    evidence["other_cpu_share"] = other_share
    return evidence


def _flags(
    rig: Rig,
    session: Session,
    task: Assignment,
    seen: tuple[Sequence[RequestRecord], Window, Mapping[str, DomainEnergy]],
    evidence: Mapping[str, FactorValue],
) -> tuple[Flag, ...]:
    requests, window, energy = seen
    flags = dict.fromkeys((*rig.instrument.doubts(), *rig.circumstances))
    summed = [energy[name] for name in task.boundary if name in energy]
    methods = {part.method is Method.MODEL for part in summed}
    other_share = evidence.get("other_cpu_share")
    conditions = {
        Flag.MODELLED: methods == {True},
        Flag.MIXED_METHODS: len(methods) == 2,
        Flag.READS_FAILED: len(summed) < len(task.boundary),
        Flag.WINDOW_SHORT: window.duration_s < task.protocol.window_min_s,
        Flag.CLIENT_TIMED: any(r.timed_by.get("decode_s") == "client" for r in requests),
        Flag.SHARED_WINDOW: (session.arm.spec.n_parallel or 1) > 1,
        Flag.SYNTHETIC_MODEL: task.synthetic,
        Flag.GPU_NOT_MEASURED: _is_blind_to_gpu(rig, session.arm, task.boundary),
        Flag.SERVER_ELSEWHERE: session.arm.elsewhere,
        Flag.OTHER_LOAD: isinstance(other_share, float) and other_share > NOTABLE_SHARE,
        Flag.THROTTLED: any("throttle" in key and bool(value) for key, value in evidence.items()),
        Flag.FOREIGN_GPU_PROCESS: any("foreign" in k and bool(v) for k, v in evidence.items()),
    }
    flags.update({flag: None for flag, holds in conditions.items() if holds})
    flags.update({flag: None for part in summed for flag in part.flags})
    return tuple(flags)


def _is_blind_to_gpu(rig: Rig, arm: Arm, boundary: tuple[str, ...]) -> bool:
    """Tell whether an arm works on a GPU that no summed domain covers: it would look frugal."""
    kinds = {domain.kind for domain in rig.instrument.domains if domain.name in boundary}
    return arm.record.device in {"gpu", "hybrid"} and not kinds & GPU_KINDS
