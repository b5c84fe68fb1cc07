"""A machine whose speed and power depend on the setting, and a search prepared for it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from llamawatt.core.errors import TargetError
from llamawatt.core.machine import MachineRecord
from llamawatt.core.plan import ModelRecord, StudyRecord, SuiteRecord
from llamawatt.core.trials import RequestRecord
from llamawatt.study.arms import Arm
from llamawatt.study.plan import ModelSource, SuiteSource
from llamawatt.targets.base import Endpoint
from llamawatt.targets.dialects import Ask
from llamawatt.tune.record import Asked
from llamawatt.tune.search.explore import Wanted
from llamawatt.tune.search.objective import Objective, parse_requirement
from llamawatt.tune.search.space import Knob, Scope
from llamawatt.tune.setup.memory import Shape
from llamawatt.tune.setup.preparing import Prepared, fitting
from llamawatt.tune.setup.script import make_script, tuning_protocol
from llamawatt.tune.setup.settings import Bench
from tests.study.simulated import DOMAIN, IDLE_W, SimulatedMachine, noise

GB = 1e9
MODEL = ModelRecord(
    "m", "m.gguf", "ab" * 32, 100_000_000, architecture="llama", n_layers=22,
    kv_bytes_per_token=20_000.0, source="m.gguf",
)  # fmt: skip
SHAPE = Shape(MODEL, 22, 32_000, 2048, 32)


@dataclass
class TunableMachine(SimulatedMachine):
    """One thread is frugal and slow, passive waiting saves; `dies_on` names what never starts."""

    dies_on: str = ""
    interrupt_after: int = 0
    asked_with: list[object] = field(default_factory=list)

    def target(self, arm: Arm):
        if self.dies_on and self.dies_on in arm.name:
            return Dead()
        return super().target(arm)

    @contextmanager
    def client(self, endpoint: Endpoint, arm: Arm) -> Iterator["TunableClient"]:
        yield TunableClient(self, arm)


class Dead:
    def start(self) -> Endpoint:
        raise TargetError("llama.cpp ended with exit code 1 while starting.")

    def stop(self) -> None:
        pass


@dataclass
class TunableClient:
    machine: TunableMachine
    arm: Arm

    def run(self, asks: Sequence[Ask], *, n_parallel: int, fixed_length: bool):
        return [self._one(ask) for ask in asks]

    def _one(self, ask: Ask) -> RequestRecord:
        machine, spec = self.machine, self.arm.spec
        machine.n_sent += 1
        if machine.interrupt_after and machine.n_sent >= machine.interrupt_after:
            raise KeyboardInterrupt
        machine.asked_with.append(spec.request_settings())
        n_threads = spec.n_threads or 4
        token_s = 0.02 / n_threads**0.5 * (0.8 if spec.env else 1.0)
        power_w = IDLE_W + 10 * n_threads + (0 if spec.top_k is None else 2)
        scale = 1 + 0.02 * noise(self.arm.name, ask.prompt_id, machine.n_sent)
        duration_s = token_s * ask.n_predict * scale
        t0_s = machine.clock.now_s()
        machine.clock.sleep_s(duration_s)
        machine._spans.append((t0_s, machine.clock.now_s(), power_w))
        return RequestRecord(
            prompt_id=ask.prompt_id, n_prompt=20, n_generated=ask.n_predict,
            latency_s=duration_s, ttft_s=token_s, prefill_s=token_s, decode_s=duration_s - token_s,
            t0_s=t0_s, timed_by={"decode_s": "server"},
        )  # fmt: skip


KNOBS = (
    Knob("n_threads", (1, 2, 4), 4),
    Knob("env", ("", "OMP_WAIT_POLICY=PASSIVE"), ""),
    Knob("flash_attn", ("auto", "off"), "auto"),
    Knob("top_k", (None, 10), None, Scope.REQUEST),
)


def prepared(
    budget_s: float = 400.0,
    requirements: tuple[str, ...] = (),
    n_streams: int = 1,
    free_gb: float = 8.0,
    knobs: tuple[Knob, ...] = KNOBS,
) -> Prepared:
    works = tuple(Ask(f"p-{number}", "p" * 20, 16) for number in range(20))
    suites = {"s": SuiteSource(SuiteRecord("s", "cd" * 32, 20, 16), works)}
    bench = Bench(
        {"m": SHAPE}, {"n_parallel": n_streams, "n_ctx": 2048 * n_streams}, {"cpu": free_gb * GB}
    )
    space, bench, notes = fitting(knobs, bench)
    wanted = Wanted(Objective.ENERGY, tuple(parse_requirement(each) for each in requirements))
    asked = Asked("energy", requirements, budget_s, n_streams, ("m.gguf",))
    script = make_script(suites, tuning_protocol(budget_s))
    return Prepared(
        asked, wanted, space, bench, script, {"m": ModelSource(MODEL, Path("m.gguf"))}, notes
    )


def study_of(ready: Prepared, seed: int = 3) -> StudyRecord:
    return StudyRecord(
        schema=1, name="tune", seed=seed, models=(MODEL,), arms=(), suites=ready.script.records,
        protocol=ready.script.long, boundary=(DOMAIN.name,), command="llamawatt tune",
        created_at="2026-01-01T00:00:00Z",
    )  # fmt: skip


MACHINE = MachineRecord("ab", "Linux", "A CPU", 4, 4, int(8 * GB), domains=(DOMAIN,))
