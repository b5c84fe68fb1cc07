"""One arm's turn: idle, load, warm-up, idle again, then trials, then gone."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType

from llamawatt.analysis.estimates.metrics import domain_energy
from llamawatt.core.plan import ProtocolRecord
from llamawatt.core.readings import Unavailable
from llamawatt.core.trials import DomainEnergy, FactorValue, IdlePower, LoadRecord
from llamawatt.host.other_load import Company
from llamawatt.measure.instruments import Client, Rig
from llamawatt.measure.observer import Observer
from llamawatt.measure.settling import is_busy, wait_until_calm
from llamawatt.study.arms import Arm
from llamawatt.targets.base import Endpoint
from llamawatt.targets.dialects import Ask

COOLING_LOOK_S = 1.0
"""How often the temperature is looked at while waiting for it."""


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """What a session needs to know besides its arm."""

    protocol: ProtocolRecord
    warm_up: Sequence[Ask]
    runtime_idle: Mapping[str, IdlePower]
    company: Company
    number: int = 0
    cool_below_c: float | None = None
    cool_max_s: float = 0.0
    settle_max_s: float = 0.0


class Session:
    """A started target of one arm, with its idle powers and its load. A context manager.

    Attributes:
        arm: The arm.
        number: Which start of a server this is in the run.
        idle: Idle power by level and domain; a level that could not be had is empty or absent.
        idle_unsettled: Whether power did not settle before bare idle was to be taken.
        idle_busy: Whether somebody else was busy during the last idle with the model resident.
        load: What starting took; None when the target was attached.
        notes: What is worth telling of the start, in sentences.

    Raises:
        TargetError: on entry, when the target does not start or warm up.
    """

    def __init__(self, rig: Rig, arm: Arm, plan: SessionPlan, observer: Observer) -> None:
        self.arm = arm
        self._rig = rig
        self._plan = plan
        self._observer = observer
        self._stack = ExitStack()
        self.number = plan.number
        self.idle: dict[str, dict[str, IdlePower]] = {}
        self.idle_unsettled = False
        self.idle_busy = False
        self.notes: list[str] = []
        self.load: LoadRecord | None = None
        self.endpoint: Endpoint
        self.client: Client

    def __enter__(self) -> "Session":
        with ExitStack() as stack:
            self._cool_down()
            self._start(stack)
            self._warm_up()
            self.take_model_idle()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def take_model_idle(self) -> None:
        """Measure idle power with the model resident. Beside a busy neighbour it is none."""
        self._observer.doing(f"{self.arm.name}: idle, model resident")
        self._plan.company.start(self.endpoint.pid)
        idle = self._rig.instrument.idle(self._plan.protocol.idle_s)
        self.idle_busy = is_busy(self._plan.company)
        self.idle["model"] = {} if self.idle_busy else idle

    def ask_as(self, arm: Arm) -> None:
        """Go on with an arm that the same server serves: only what is asked differs.

        Raises:
            ValueError: the arm wants another server.
        """
        if not self.arm.spec.served_as(arm.spec) or self.arm.record.model != arm.record.model:
            raise ValueError(f"{arm.name} wants another server than {self.arm.name}")
        self.arm = arm
        self.client = self._stack.enter_context(self._rig.make_client(self.endpoint, arm))

    def _cool_down(self) -> None:
        self._observer.doing(f"{self.arm.name}: idle, nothing running")
        self._wait_until_cool()
        if self.arm.attached:  # somebody else's server holds its model all the while
            self._rig.clock.sleep_s(self._plan.protocol.cool_down_s)
        else:
            self._take_bare_idle()
        if self._plan.runtime_idle:
            self.idle["runtime"] = dict(self._plan.runtime_idle)

    def _take_bare_idle(self) -> None:
        """Measure idle power with nothing running, once it no longer moves."""
        longest_s = self._plan.settle_max_s
        if longest_s > 0 and self._plan.protocol.cool_down_s > 0:
            calm = wait_until_calm(self._rig, self._plan.company, longest_s)
            if not calm.is_calm:
                self.idle_unsettled = True
                self.notes.append(calm.complaint())
                return
        self.idle["bare"] = self._rig.instrument.idle(self._plan.protocol.cool_down_s)

    def _wait_until_cool(self) -> None:
        """Wait for the temperature that was asked for, where devices tell theirs."""
        limit_c = self._plan.cool_below_c
        if limit_c is None:
            return
        deadline_s = self._rig.clock.now_s() + self._plan.cool_max_s
        while (hottest_c := hottest(self._rig.instrument.evidence())) is not None:
            if hottest_c < limit_c or self._rig.clock.now_s() >= deadline_s:
                return
            self._observer.doing(f"{self.arm.name}: cooling down, {hottest_c:.0f} °C")
            self._rig.clock.sleep_s(COOLING_LOOK_S)

    def _start(self, stack: ExitStack) -> None:
        self._observer.doing(f"{self.arm.name}: loading the model")
        target = self._rig.make_target(self.arm)
        stack.callback(target.stop)
        self._rig.instrument.edge()
        t0_s = self._rig.clock.now_s()
        self.endpoint = target.start()
        self.notes += self.endpoint.notes
        t1_s = self._rig.clock.now_s()
        if self.endpoint.pid is not None:
            self._rig.instrument.edge()
            energy = energies(self._rig, t0_s, t1_s, self.idle.get("bare", {}), surrounded=False)
            self.load = LoadRecord(t1_s - t0_s, energy)
        self.client = stack.enter_context(self._rig.make_client(self.endpoint, self.arm))

    def _warm_up(self) -> None:
        if not self._plan.warm_up:
            return
        self._observer.doing(f"{self.arm.name}: warming up")
        n_parallel = self.arm.spec.n_parallel or 1
        works = tuple(self._plan.warm_up) * n_parallel
        fixed_length = self._plan.protocol.fixed_length
        self.client.run(works, n_parallel=n_parallel, fixed_length=fixed_length)


def hottest(evidence: Mapping[str, FactorValue]) -> float | None:
    """Return the highest temperature that devices tell; None when none tells."""
    told = (value for key, value in evidence.items() if key.endswith(".temp_c"))
    return max((float(value) for value in told if isinstance(value, int | float)), default=None)


def energies(
    rig: Rig,
    t0_s: float,
    t1_s: float,
    idle: Mapping[str, IdlePower],
    *,
    surrounded: bool = True,
    starts_s: Sequence[float] = (),
) -> dict[str, DomainEnergy]:
    """Return the recorded energy of a past window, by domain; domains without one are left out.

    Args:
        rig: The seams of the run.
        t0_s: Start of the window.
        t1_s: End of the window.
        idle: Idle power that is taken off for the above-idle figure.
        surrounded: Whether the idle measured last lies on both sides of the window. After a load
            the idle is another one than before it.
        starts_s: When replies in it began.
    """
    readings = rig.instrument.energies(t0_s, t1_s, surrounded=surrounded, starts_s=starts_s)
    domains = {domain.name: domain for domain in rig.instrument.domains}
    return {
        name: domain_energy(reading, domains[name], idle.get(name))
        for name, reading in readings.items()
        if not isinstance(reading, Unavailable)
    }
