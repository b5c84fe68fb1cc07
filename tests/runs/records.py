"""Small but complete records for the tests of the run directory."""

from llamawatt.core.machine import MachineRecord
from llamawatt.core.plan import ArmRecord, ModelRecord, ProtocolRecord, StudyRecord, SuiteRecord
from llamawatt.core.readings import Method
from llamawatt.core.trials import (
    SCHEMA,
    DomainEnergy,
    IdlePower,
    Purpose,
    RequestRecord,
    Status,
    TrialRecord,
    Window,
)


def study(name: str = "baseline") -> StudyRecord:
    return StudyRecord(
        schema=SCHEMA,
        name=name,
        seed=7,
        models=(ModelRecord("m", "m.gguf", "ab" * 32, 100),),
        arms=(ArmRecord("cpu", "baseline", "cpu", "m", {"device": "cpu"}, {"n_threads": 2}),),
        suites=(SuiteRecord("short_dialogue", "cd" * 32, 8, 64),),
        protocol=ProtocolRecord(5.0, 50, 2.0, 3, 10, 0.03, "energy_j", 1.0, True),
        boundary=("cpu-package-0",),
    )


def machine() -> MachineRecord:
    return MachineRecord("abc", "Linux", "A CPU", 2, 2, 1 << 30)


def trial(number: int = 0) -> TrialRecord:
    return TrialRecord(
        schema=SCHEMA,
        trial_id=f"b{number:03d}-cpu-short_dialogue",
        arm="cpu",
        factors={"n_threads": 2, "flash_attn": "on", "fixed": True, "none": None},
        suite="short_dialogue",
        repetition=number,
        block=number,
        order=number,
        purpose=Purpose.SUITE,
        status=Status.OK,
        window=Window(1.0, 6.25, 5.25),
        requests=(RequestRecord("sd-1", 20, 64, 1.5, 0.1, 0.1, 1.4, 1.0, {"latency_s": "client"}),),
        energy={"cpu-package-0": DomainEnergy(50.0, 0.5, 2.5, Method.COUNTER, 9.5, -0.1, 0.6)},
        idle={"model": {"cpu-package-0": IdlePower(9.6, 0.1, 2.0, Method.COUNTER)}},
    )
