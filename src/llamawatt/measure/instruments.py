"""The seams of a run in one value: what measures, what serves, what talks, what tells the time."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from llamawatt.core.clock import Clock
from llamawatt.core.flags import Flag
from llamawatt.core.trials import RequestRecord
from llamawatt.meters.base import Instrument
from llamawatt.study.arms import Arm
from llamawatt.targets.base import Endpoint, Target
from llamawatt.targets.dialects import Ask


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
