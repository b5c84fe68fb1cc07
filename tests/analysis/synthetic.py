"""Runs with a known truth: a machine whose times, watts and sensor errors are written here."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from llamawatt.analysis.estimates.metrics import domain_energy, trial_metrics
from llamawatt.core.flags import Flag
from llamawatt.core.machine import Gpu, MachineRecord, MissingMeter
from llamawatt.core.plan import (
    ArmRecord,
    ModelRecord,
    ProtocolRecord,
    RunEvent,
    StudyRecord,
    SuiteRecord,
)
from llamawatt.core.readings import Calibration, Domain, DomainKind, EnergyReading, Method, Quantity
from llamawatt.core.trials import (
    SCHEMA,
    IdlePower,
    LoadRecord,
    Purpose,
    RequestRecord,
    Status,
    TrialRecord,
    Window,
)
from llamawatt.runs.samples import RawTrace
from llamawatt.runs.store import Run

SUITES = {"short_dialogue": (28, 64), "analytical_reasoning": (64, 160),
          "narrative_generation": (44, 256), "pp1024+tg32": (1024, 32)}  # fmt: skip
CPU = Domain("cpu-package-0", DomainKind.CPU_PACKAGE, Quantity.ENERGY, Method.COUNTER, "rapl",
             "Core i5-12400", gain_error=0.03, gain_source="vendor")  # fmt: skip
GPU = Domain("gpu-0", DomainKind.GPU, Quantity.ENERGY, Method.COUNTER, "nvml-counter",
             "NVIDIA GeForce RTX 3060", gain_error=0.05, gain_source="Yang 2024")  # fmt: skip
MODELLED_CPU = Domain("cpu-package-0", DomainKind.CPU_PACKAGE, Quantity.POWER, Method.MODEL,
                      "cpu-model", "i5-12400", gain_error=0.5, gain_source="guess")  # fmt: skip


@dataclass(frozen=True)
class True_:  # noqa: N801  # the truth about an arm; `True` is taken
    """Speed and power of an arm: watts by domain while prefilling and decoding."""

    prefill_tok_per_s: float
    decode_tok_per_s: float
    prefill_w: dict[str, float]
    decode_w: dict[str, float]
    n_parallel: int = 1


IDLE_W = {"bare": {"cpu-package-0": 9.0, "gpu-0": 11.0},
          "runtime": {"cpu-package-0": 9.2, "gpu-0": 13.0},
          "model": {"cpu-package-0": 9.4, "gpu-0": 21.0}}  # fmt: skip


@dataclass(frozen=True)
class Arm:
    record: ArmRecord
    truth: True_
    suites: tuple[str, ...]


def cpu_truth(n_threads: int = 6) -> True_:
    speed = {1: 9.0, 2: 16.5, 4: 26.0, 6: 29.0, 8: 27.5}[n_threads]
    watts = 9.0 + 7.5 * n_threads
    both = {"cpu-package-0": watts, "gpu-0": 11.0}
    return True_(5.5 * speed, speed, both, both)


def gpu_truth(n_layers: int = 23, prefill_tok_per_s: float = 3200.0) -> True_:
    share = n_layers / 23
    step_s = share / 145.0 + (1 - share) / 24.0 + (0.006 if 0 < share < 1 else 0.0)
    decode = {"cpu-package-0": 24.0 + 28 * (1 - share), "gpu-0": 30.0 + 95 * share**2}
    prefill = {"cpu-package-0": 24.0 + 28 * (1 - share), "gpu-0": 40.0 + 110 * share}
    return True_(prefill_tok_per_s * (0.12 + 0.88 * share), 1 / step_s, prefill, decode)


def stream_truth(n_parallel: int) -> True_:
    one = gpu_truth()
    speed = one.decode_tok_per_s * n_parallel**0.72 / n_parallel
    watts = {"cpu-package-0": 25.0, "gpu-0": 125.0 + 9 * math.log2(n_parallel)}
    return True_(one.prefill_tok_per_s, speed, watts, watts, n_parallel)


def paper_arms() -> list[Arm]:
    three = tuple(SUITES)[:3]
    cpu = {"n_threads": 6, "n_gpu_layers": 0, "n_parallel": 1}
    gpu = {"n_gpu_layers": 23, "n_parallel": 1}
    made = [
        Arm(ArmRecord("cpu", "baseline", "cpu", "tiny", {"device": "cpu"}, cpu), cpu_truth(),
            three),
        Arm(ArmRecord("gpu", "baseline", "gpu", "tiny", {"device": "gpu"}, gpu, ("layers",)),
            gpu_truth(), three),
    ]  # fmt: skip
    made += [_ablation("threads", "cpu", "n_threads", n, cpu_truth(n)) for n in (1, 4, 8)]
    made += [_ablation("layers", "hybrid", "n_gpu_layers", n, gpu_truth(n)) for n in (0, 11, 22)]
    made += [
        _ablation("batch", "gpu", "n_batch", n, gpu_truth(23, 1500.0 * (n / 128) ** 0.4),
                  "pp1024+tg32")
        for n in (128, 512, 1024)
    ]  # fmt: skip
    made += [_ablation("concurrency", "gpu", "n_parallel", n, stream_truth(n)) for n in (1, 4, 16)]
    return made


def _ablation(group, device, key, value, truth, suite="short_dialogue"):
    place = "cpu" if device == "cpu" else "gpu"
    factors = {"device": place, key: value}
    spec = {"n_gpu_layers": 0 if place == "cpu" else 23, "n_parallel": 1, key: value}
    record = ArmRecord(f"{place} {key}={value}", group, device, "tiny", factors, spec)
    return Arm(record, truth, (suite,))


@dataclass
class Factory:
    """Makes runs of the synthetic machine.

    Attributes:
        meters: Domains read, if others than the usual two.
        modelled: Whether the only domain is a CPU power model.
        n_blocks: Repeats of every cell.
        noise: Relative scatter of speeds between trials.
        phases: Whether prefill-only and decode-only windows are taken.
        gain: True gain of each domain's sensor.
    """

    arms: list[Arm] = field(default_factory=paper_arms)
    modelled: bool = False
    n_blocks: int = 6
    noise: float = 0.012
    phases: bool = True
    seed: int = 7
    gain: dict[str, float] = field(default_factory=dict)
    n_prompts: int = 4
    idle_levels: tuple[str, ...] = ("bare", "runtime", "model")
    metered: bool = True
    meters: tuple[Domain, ...] = ()

    def run(self, path: Path = Path("synthetic")) -> Run:
        self.rng = np.random.default_rng(self.seed)
        return Run(path, self.study(), self.machine(), tuple(self.trials()), self.events())

    @property
    def domains(self) -> tuple[Domain, ...]:
        if not self.metered:
            return ()
        return self.meters or ((MODELLED_CPU,) if self.modelled else (CPU, GPU))

    def study(self) -> StudyRecord:
        skipped = ArmRecord("gpu flash_attn=on", "flash", "gpu", "tiny",
                            skipped="the target was built without flash attention")  # fmt: skip
        used = {suite for arm in self.arms for suite in arm.suites}
        return StudyRecord(
            schema=SCHEMA,
            name="paper",
            seed=self.seed,
            models=(
                ModelRecord("tiny", "tinyllama-1.1b.Q4_0.gguf", "a1" * 32, 637_700_000, "llama",
                            "Q4_0", 22, 1_100_000_000, 4.6, 6.0e8, 22_528.0),
            ),
            arms=(*(arm.record for arm in self.arms), skipped),
            suites=tuple(
                SuiteRecord(name, f"{i:02d}" * 32, self.n_prompts, SUITES[name][1])
                for i, name in enumerate(SUITES) if name in used
            ),
            protocol=ProtocolRecord(5.0, 50, 3.0, 3, self.n_blocks, 0.03, "energy_j", 5.0, True,
                                    phases=self.phases),
            boundary=tuple(domain.name for domain in self.domains),
            command="llamawatt study run paper --model tiny",
            created_at="2026-01-05T10:00:00Z",
        )  # fmt: skip

    def machine(self) -> MachineRecord:
        missing = [MissingMeter("dram", "no DRAM domain in powercap", "")]
        if self.modelled:
            missing.append(MissingMeter("nvml", "no NVIDIA driver", "Install the driver."))
        return MachineRecord(
            "9f2c", "Linux 6.8", "12th Gen Intel Core i5-12400", 12, 6, 32 << 30, "performance",
            None, () if self.modelled else (Gpu(0, "NVIDIA GeForce RTX 3060", "GPU-1", 12 << 30),),
            self.domains,
            tuple(Calibration(d.name, 0.1, 0.001, 0.00005, 0.0001) for d in self.domains),
            tuple(missing), {"llamawatt": "0.1.0", "llama.cpp": "b6500"},
        )  # fmt: skip

    def events(self) -> tuple[RunEvent, ...]:
        return (RunEvent("stopped", "Cap of repeats reached.", "cpu", "short_dialogue"),)

    def trials(self):
        order = 0
        for block in range(self.n_blocks):
            for i in self.rng.permutation(len(self.arms)):
                arm = self.arms[i]
                for suite in arm.suites:
                    for purpose in self._purposes(arm):
                        yield self.trial(arm, suite, purpose, block, order)
                        order += 1

    def _purposes(self, arm):
        both = self.phases and arm.record.group == "baseline"
        return (Purpose.SUITE, Purpose.PREFILL, Purpose.DECODE) if both else (Purpose.SUITE,)

    def trial(self, arm, suite, purpose, block, order) -> TrialRecord:
        requests, window, true_j = self._work(arm, suite, purpose, order)
        idle = self._idle()
        energy = {
            d.name: domain_energy(self._reading(d, true_j[d.name], window), d,
                                  idle.get("model", {}).get(d.name))
            for d in self.domains
        }  # fmt: skip
        flags = [Flag.DRAM_NOT_MEASURED]
        flags += [Flag.GPU_NOT_MEASURED] if self.modelled else []
        flags += [Flag.SHARED_WINDOW] if arm.truth.n_parallel > 1 else []
        suffix = "" if purpose is Purpose.SUITE else f"-{purpose}"
        made = TrialRecord(
            SCHEMA, f"b{block:03d}-{arm.record.name.replace(' ', '-')}-{suite}{suffix}",
            arm.record.name, arm.record.factors, suite, block, block, order, purpose, Status.OK,
            window, requests, energy, idle, self._load(idle), None,
            tuple(flags), {"before.gpu-0.temp_c": 55.0, "other_cpu_share": 0.01},
        )  # fmt: skip
        return replace(made, metrics=trial_metrics(made))

    def _work(self, arm, suite, purpose, order):
        truth, (n_prompt, n_generated) = arm.truth, SUITES[suite]
        n_generated = {Purpose.SUITE: n_generated, Purpose.PREFILL: 1, Purpose.DECODE: 256}[purpose]
        n_prompt = (
            512 if purpose is Purpose.PREFILL else 8 if purpose is Purpose.DECODE else n_prompt
        )
        pace = math.exp(self.noise * self.rng.standard_normal())
        at_s = t0_s = 1000.0 + 60.0 * order
        requests, true_j = [], dict.fromkeys(IDLE_W["model"], 0.0)
        for number in range(self.n_prompts):
            n = n_prompt + 3 * number
            prefill_s = pace * n / truth.prefill_tok_per_s
            decode_s = pace * n_generated / truth.decode_tok_per_s
            for name in true_j:
                joules = truth.prefill_w[name] * prefill_s + truth.decode_w[name] * decode_s
                true_j[name] += joules / truth.n_parallel
            requests.append(RequestRecord(
                f"{suite}-{number}", n, n_generated, prefill_s + decode_s,
                prefill_s + decode_s / n_generated, prefill_s, decode_s, at_s,
                {"latency_s": "client", "prefill_s": "server"}, 0, "length",
            ))  # fmt: skip
            at_s += (prefill_s + decode_s) / truth.n_parallel
        return tuple(requests), Window(t0_s, at_s, at_s - t0_s), true_j

    def _reading(self, domain, true_j, window):
        noise_j = 0.4 * self.rng.standard_normal()
        read_j = true_j * self.gain.get(domain.name, 1.0) + noise_j
        return EnergyReading(domain.name, domain.method, read_j, 0.8, domain.gain_error * read_j,
                             window.t0_s, window.t1_s)  # fmt: skip

    def _idle(self):
        return {
            level: {
                d.name: IdlePower(
                    IDLE_W[level][d.name] * self.gain.get(d.name, 1.0)
                    * (1 + 0.005 * self.rng.standard_normal()), 0.1, 3.0, d.method)
                for d in self.domains
            }
            for level in self.idle_levels
        }  # fmt: skip

    def _load(self, idle):
        return LoadRecord(1.8, {
            d.name: domain_energy(
                EnergyReading(d.name, d.method, 55.0, 1.0, 1.0, 0.0, 1.8), d,
                idle.get("bare", {}).get(d.name))
            for d in self.domains
        })  # fmt: skip


def trace(window: Window, idle_w: float, work_w: float, seed: int = 0) -> RawTrace:
    """Power samples at 20 Hz around a window: idle, work with ripples, idle."""
    rng = np.random.default_rng(seed)
    t_s = np.arange(window.t0_s - 3.0, window.t1_s + 3.0, 0.05)
    inside = (t_s >= window.t0_s) & (t_s <= window.t1_s)
    power_w = np.where(inside, work_w + 0.06 * work_w * np.sin(9 * t_s), idle_w)
    return RawTrace(t_s, None, power_w + rng.normal(0, 0.8, t_s.size))
