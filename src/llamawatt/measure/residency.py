"""Idle with the runtime up and the model unloaded: what llama.cpp costs by merely being there."""

from llamawatt.core.errors import TargetError
from llamawatt.core.trials import IdlePower
from llamawatt.measure.instruments import Rig
from llamawatt.measure.observer import Observer
from llamawatt.study.arms import Arm
from llamawatt.study.plan import Plan

SLEEP_AFTER_S = 1
"""`--sleep-idle-seconds`: llama-server then unloads the model and keeps its process and context."""
UNLOAD_S = 2.0
"""Time left to the unloading itself."""


def runtime_idle(rig: Rig, arm: Arm, plan: Plan, observer: Observer) -> dict[str, IdlePower] | str:
    """Return idle power by domain with the runtime resident, or why it could not be had."""
    asleep = arm.sleeping_after(SLEEP_AFTER_S)
    if asleep is None:
        return "Idle with the runtime alone was not measured: the server is not ours."
    observer.doing(f"{arm.name}: idle, runtime up, model unloaded")
    target = rig.make_target(asleep)
    try:
        target.start()
        rig.clock.sleep_s(SLEEP_AFTER_S + UNLOAD_S)
        return rig.instrument.idle(plan.study.protocol.idle_s)
    except TargetError as error:
        return f"Idle with the runtime alone was not measured: {error}"
    finally:
        target.stop()
