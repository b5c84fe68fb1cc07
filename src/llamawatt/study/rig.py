"""The seams of a run in one value: what measures, what serves, what talks, what tells the time."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from llamawatt.core.clock import Clock
from llamawatt.core.flags import Flag
from llamawatt.core.readings import Domain, EnergyReading, Unavailable
from llamawatt.core.trials import FactorValue, IdlePower, RequestRecord
from llamawatt.runs.traces import RawTrace
from llamawatt.study.arms import Arm
from llamawatt.targets.base import Endpoint, Target
from llamawatt.targets.protocols import Ask


class Instrument(Protocol):
    """All meters of the machine, sampled together. Knows no model."""

    @property
    def domains(self) -> tuple[Domain, ...]:
        """Return every domain read."""

    @property
    def slowest_period_s(self) -> float:
        """Return the longest update period among the domains that are summed."""

    def edge(self) -> None:
        """Look for counter ticks now; call it in the idle before and after the work."""

    def idle(self, duration_s: float) -> dict[str, IdlePower]:
        """Measure the mean power of the coming `duration_s` seconds, by domain."""

    def energies(
        self, t0_s: float, t1_s: float, *, surrounded: bool
    ) -> dict[str, EnergyReading | Unavailable]:
        """Return the energy of a past window, by domain.

        `surrounded` says that the idle measured last lies on both sides of the window.
        """

    def traces(self, t0_s: float, t1_s: float) -> dict[str, RawTrace]:
        """Return the raw samples around a past window, by domain."""

    def evidence(self) -> dict[str, FactorValue]:
        """Return clocks, temperatures, P-states and throttling as the devices tell them."""

    def doubts(self) -> tuple[Flag, ...]:
        """Return flags that concern every window: a part-time sensor, sensors that disagree."""


class Client(Protocol):
    """Sends requests to an endpoint."""

    def run(
        self, asks: Sequence[Ask], *, n_parallel: int, fixed_length: bool
    ) -> list[RequestRecord]:
        """Send all of `asks`, at most `n_parallel` at once, and return their records in order.

        Raises:
            TargetError: the server went away or answered wrongly.
        """


MakeTarget = Callable[[Arm], Target]
MakeClient = Callable[[Endpoint, Arm], AbstractContextManager[Client]]


@dataclass(frozen=True, slots=True)
class Rig:
    """Everything impure that a run needs.

    Attributes:
        clock: Tells the time and waits.
        instrument: Measures energy.
        make_target: Makes the target of an arm.
        make_client: Makes a client for its endpoint.
        today: Returns the wall-clock time, UTC, ISO 8601, for people.
        circumstances: Doubts about the machine as a whole, found before the run began.
    """

    clock: Clock
    instrument: Instrument
    make_target: MakeTarget
    make_client: MakeClient
    today: Callable[[], str]
    circumstances: tuple[Flag, ...] = ()
