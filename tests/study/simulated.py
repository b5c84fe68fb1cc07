"""A simulated machine: exact, instant, and the same for the same work, whatever was killed."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from llamawatt.core.clock import FakeClock
from llamawatt.core.errors import TargetError
from llamawatt.core.flags import Flag
from llamawatt.core.plan import ModelRecord, SuiteRecord
from llamawatt.core.readings import (
    Domain,
    DomainKind,
    EnergyReading,
    Method,
    Quantity,
    Unavailable,
)
from llamawatt.core.trials import FactorValue, IdlePower, RequestRecord
from llamawatt.measure.instruments import Rig
from llamawatt.runs.samples import RawTrace
from llamawatt.study.arms import Abilities, Arm
from llamawatt.study.plan import Circumstances, ModelSource, Plan, SuiteSource, make_plan
from llamawatt.study.spec import StudySpec
from llamawatt.targets.base import Endpoint
from llamawatt.targets.dialects import Ask

IDLE_W = 10.0
BUSY_W = {"cpu": 60.0, "gpu": 150.0, "hybrid": 90.0}
TOKEN_S = {"cpu": 0.02, "gpu": 0.004, "hybrid": 0.01}
DOMAIN = Domain(
    "cpu-package-0", DomainKind.CPU_PACKAGE, Quantity.ENERGY, Method.COUNTER, "simulated"
)
ABILITIES = Abilities(8, "A GPU", "no GPU")


def noise(*words: object) -> float:
    """Return a number in [-1, 1] that depends on the words alone."""
    digest = hashlib.sha256(repr(words).encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**31 - 1


@dataclass
class SimulatedMachine:
    """Instrument, target and client in one, on one clock."""

    clock: FakeClock = field(default_factory=FakeClock)
    power_w: float = IDLE_W
    noise_share: float = 0.002
    broken: dict[str, int] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    running: int = 0
    unavailable: bool = False
    hot_until_s: float = 0.0
    idle_rises_to_w: float = IDLE_W
    n_cached: int | None = 0
    n_missing: int = 0
    odd_every: int = 1
    build: str = ""
    n_sent: int = 0
    resident_w: float = 0.0
    """What an open GPU draws beyond its bare idle."""
    decay_s: float = 0.0
    """Time constant with which that falls after the process has ended."""
    restless_w: float = 0.0
    """By how much idle power swings for ever, from one second to the next."""
    _opened_s: list[list[float]] = field(default_factory=list)
    domains: tuple[Domain, ...] = (DOMAIN,)
    slowest_period_s: float = 0.01
    _spans: list[tuple[float, float, float]] = field(default_factory=list)

    def edge(self) -> None:
        self.clock.sleep_s(0.01)

    def idle(self, duration_s: float) -> dict[str, IdlePower]:
        t0_s = self.clock.now_s()
        self.clock.sleep_s(duration_s)
        power_w = self.idle_rises_to_w if len(self.started) > 2 else IDLE_W
        t1_s = self.clock.now_s()
        power_w += sum(self._resident_j(t1_s, *span) - self._resident_j(t0_s, *span)
                       for span in self._opened_s) / max(t1_s - t0_s, 1e-9)  # fmt: skip
        power_w += self.restless_w * (int(t1_s) % 2)
        return {DOMAIN.name: IdlePower(power_w, 0.01, duration_s, Method.COUNTER)}

    def _resident_j(self, t_s: float, start_s: float, stop_s: float) -> float:
        up_s = min(t_s, stop_s) - start_s
        if t_s < start_s:
            return 0.0
        since_s = max(0.0, t_s - stop_s)
        fallen_s = self.decay_s * -math.expm1(-since_s / self.decay_s) if self.decay_s else 0.0
        return self.resident_w * (up_s + fallen_s)

    def energies(
        self, t0_s: float, t1_s: float, *, surrounded: bool, starts_s: Sequence[float] = ()
    ) -> dict[str, EnergyReading | Unavailable]:
        if self.unavailable:
            return {DOMAIN.name: Unavailable("gone")}
        energy_j = IDLE_W * (t1_s - t0_s) + sum(
            (power_w - IDLE_W) * max(0.0, min(end_s, t1_s) - max(begin_s, t0_s))
            for begin_s, end_s, power_w in self._spans
        )
        reading = EnergyReading(DOMAIN.name, Method.COUNTER, energy_j, 0.01, 0.0, t0_s, t1_s)
        return {DOMAIN.name: reading}

    def traces(self, t0_s: float, t1_s: float) -> dict[str, RawTrace]:
        import numpy as np

        t_s = np.array([t0_s, t1_s])
        return {DOMAIN.name: RawTrace(t_s, energy_j=t_s * self.power_w)}

    def evidence(self) -> dict[str, FactorValue]:
        return {"cpu.temp_c": 50.0 + max(0.0, self.hot_until_s - self.clock.now_s())}

    def doubts(self) -> tuple[Flag, ...]:
        return (Flag.DRAM_NOT_MEASURED,)

    def target(self, arm: Arm) -> "SimulatedTarget":
        return SimulatedTarget(self, arm)

    @contextmanager
    def client(self, endpoint: Endpoint, arm: Arm) -> Iterator["SimulatedClient"]:
        yield SimulatedClient(self, arm)

    def rig(self) -> Rig:
        return Rig(self.clock, self, self.target, self.client, lambda: "2026-01-01T00:00:00Z")


@dataclass
class SimulatedTarget:
    machine: SimulatedMachine
    arm: Arm
    up: bool = False

    def start(self) -> Endpoint:
        self.machine.clock.sleep_s(0.5)
        self.machine.started.append(self.arm.name)
        left = self.machine.broken.get(self.arm.name, 0)
        if left:
            self.machine.broken[self.arm.name] = left - 1
            raise TargetError("llama.cpp ended with exit code 1 while starting.")
        self.up = True
        self.machine.running += 1
        if self.arm.spec.device != "none":
            self.machine._opened_s.append([self.machine.clock.now_s(), math.inf])
        return Endpoint("http://simulated", pid=1, build=self.machine.build)

    def stop(self) -> None:
        if self.up:
            self.machine.running -= 1
            if self.arm.spec.device != "none":
                self.machine._opened_s[-1][1] = self.machine.clock.now_s()
        self.up = False


@dataclass
class SimulatedClient:
    machine: SimulatedMachine
    arm: Arm

    def run(
        self, asks: Sequence[Ask], *, n_parallel: int, fixed_length: bool
    ) -> list[RequestRecord]:
        return [self._one(ask) for ask in asks]

    def _one(self, ask: Ask) -> RequestRecord:
        device = self.arm.record.device or "gpu"
        self.machine.n_sent += 1
        odd = self.machine.n_sent % self.machine.odd_every == 0
        scale = 1 + self.machine.noise_share * noise(self.arm.name, ask.prompt_id)
        prefill_s = 0.1 * TOKEN_S[device] * len(ask.prompt) * scale
        decode_s = TOKEN_S[device] * ask.n_predict * scale
        t0_s = self.machine.clock.now_s()
        self.machine.clock.sleep_s(prefill_s + decode_s)
        t1_s = self.machine.clock.now_s()
        self.machine._spans.append((t0_s, t1_s, BUSY_W[device]))
        return RequestRecord(
            prompt_id=ask.prompt_id,
            n_prompt=len(ask.prompt),
            n_generated=ask.n_predict - (self.machine.n_missing if odd else 0),
            latency_s=t1_s - t0_s,
            ttft_s=prefill_s,
            prefill_s=prefill_s,
            decode_s=decode_s,
            t0_s=t0_s,
            timed_by={"latency_s": "client", "prefill_s": "server", "decode_s": "server"},
            n_cached=self.machine.n_cached if odd else 0,
        )


class QuietCompany:
    """Nobody else is busy."""

    def start(self, server_pid: int | None) -> None:
        pass

    def other_share(self) -> float | None:
        return 0.0


@dataclass
class BusyCompany:
    """Somebody else uses half of all cores in some stretches of time."""

    clock: FakeClock
    stretches: tuple[tuple[float, float], ...]
    _start_s: float = 0.0

    def start(self, server_pid: int | None) -> None:
        self._start_s = self.clock.now_s()

    def other_share(self) -> float | None:
        now_s = self.clock.now_s()
        meets = any(begin < now_s and self._start_s < end for begin, end in self.stretches)
        return 0.5 * meets


def simulated_plan(spec: StudySpec, abilities: Abilities = ABILITIES) -> Plan:
    model = ModelSource(ModelRecord("m", "m.gguf", "ab" * 32, 100, n_layers=22), Path("m.gguf"))
    names = {suite for group in spec.groups for suite in group.suites or spec.suites}
    if spec.protocol.phases:
        names |= {f"pp{spec.protocol.n_phase_prompt}", f"tg{spec.protocol.n_phase_generate}"}
    suites = {
        name: SuiteSource(
            SuiteRecord(name, "cd" * 32, 40, 16),
            tuple(Ask(f"{name}-{number}", "p" * 20, 16) for number in range(40)),
        )
        for name in sorted(names)
    }
    boundary = (DOMAIN.name,)
    here = Circumstances(abilities, boundary, "embedded", "", "")
    return make_plan(spec, {"m": model}, suites, here)
