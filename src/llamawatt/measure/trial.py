"""One trial: the measured window and what is recorded of it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from llamawatt.analysis.estimates.metrics import trial_metrics
from llamawatt.core.plan import ProtocolRecord
from llamawatt.core.trials import (
    SCHEMA,
    FactorValue,
    RequestRecord,
    Status,
    TrialRecord,
    Window,
)
from llamawatt.host.other_load import Company
from llamawatt.measure.assignment import Assignment
from llamawatt.measure.doubts import Seen, doubts
from llamawatt.measure.instruments import Rig
from llamawatt.measure.resume import BUILD
from llamawatt.measure.session import Session, energies
from llamawatt.study.arms import Arm
from llamawatt.study.order import phase_delay_s
from llamawatt.targets.dialects import Ask

MAX_PASSES = 10_000
"""Passes in one window at most: a server that answers at once would never fill it otherwise."""


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
    starts_s = [request.t0_s for request in requests]
    energy = energies(rig, window.t0_s, window.t1_s, session.idle["model"], starts_s=starts_s)
    evidence = _evidence(before, rig.instrument.evidence(), other_share)
    if session.endpoint.build:
        evidence[BUILD] = session.endpoint.build
    record = TrialRecord(
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
        flags=doubts(rig, session, task, Seen(requests, window, energy, evidence)),
        evidence=evidence,
        started_at=started_at,
        session=session.number,
        client_mode=_mode(requests),
    )
    return replace(record, metrics=trial_metrics(record, task.boundary))


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


def _mode(requests: Sequence[RequestRecord]) -> str:
    modes = {request.mode for request in requests}
    return modes.pop() if len(modes) == 1 else "mixed"


def _window(requests: Sequence[RequestRecord]) -> Window:
    t0_s = min(request.t0_s for request in requests)
    t1_s = max(request.t0_s + request.latency_s for request in requests)
    return Window(t0_s, t1_s, t1_s - t0_s)


def _evidence(
    before: Mapping[str, FactorValue],
    after: Mapping[str, FactorValue],
    other_share: float | None,
) -> dict[str, FactorValue]:
    evidence = {f"before.{key}": value for key, value in before.items()}
    evidence.update({f"after.{key}": value for key, value in after.items()})
    evidence["other_cpu_share"] = other_share
    return evidence
