"""What a study would take, before it is run: its arms, its least time, its least energy."""

from dataclasses import dataclass

from llamawatt.app.assemble import find_abilities, now_text, resolve
from llamawatt.app.instruments import open_instruments
from llamawatt.app.order import Order
from llamawatt.app.sources import find_study_models
from llamawatt.core.errors import MeterError, UsageError
from llamawatt.core.format import duration_text
from llamawatt.study.estimate import least_s, spec_least_s
from llamawatt.study.plan import ASK_ABOVE_ARMS, Circumstances, Plan

IDLE_LOOK_S = 2.0
"""How long idle power is looked at for the estimate."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """A study as it would run.

    Attributes:
        plan: The plan; a seed that is not given is drawn anew when it runs.
        idle_w: What the machine draws now over all domains that are summed; None where nothing
            can be metered.
    """

    plan: Plan
    idle_w: float | None = None

    @property
    def least_s(self) -> float:
        """The least time: the minimum of repeats at the shortest windows."""
        return least_s(self.plan)

    @property
    def least_j(self) -> float | None:
        """The least energy: idle power over the least time; None where idle is not known."""
        return None if self.idle_w is None else self.idle_w * self.least_s


def require_confirmed(order: Order) -> None:
    """Refuse a huge study, before its arms are even made.

    Raises:
        UsageError: it has more arms than `ASK_ABOVE_ARMS`.
    """
    n_arms = order.spec.n_arms(order.n_models)
    if n_arms > ASK_ABOVE_ARMS:
        raise UsageError(
            f"{order.spec.name} has {n_arms} arms and would take at least "
            f"{duration_text(spec_least_s(order.spec, order.n_models))}.",
            "Say --yes to run it, or make its grid smaller.",
        )


def look_ahead(order: Order) -> DryRun:
    """Plan a study and look at idle power, without starting any server.

    Raises:
        LlamawattError: the study cannot run here, and why.
    """
    models = find_study_models(order.spec, order.models, order.serving, only_look=True)
    abilities = find_abilities(order.serving, want_gpu=order.spec.wants_gpu)
    here = Circumstances(abilities, (), order.serving.kind, "", now_text(), only_look=True)
    return DryRun(resolve(order.spec, models, here), _idle_w(order))


def _idle_w(order: Order) -> float | None:
    """Measure what the machine draws now, over all domains that would be summed."""
    try:
        with open_instruments(order.metering, want_gpu=order.wants_gpu) as bench:
            powers = bench.idle(IDLE_LOOK_S)
            parts = [powers[name].power_w for name in bench.boundary if name in powers]
    except MeterError:
        return None
    return sum(parts) if parts else None
