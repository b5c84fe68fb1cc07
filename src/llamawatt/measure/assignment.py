"""What one trial is to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from llamawatt.core.plan import ProtocolRecord
from llamawatt.core.trials import IdlePower
from llamawatt.study.order import Cell, trial_id
from llamawatt.targets.dialects import Ask


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a trial is to do.

    Attributes:
        cell: The arm and suite.
        works: One pass of requests.
        block: Which block.
        order: Place in the order of execution.
        seed: Seed of the run.
        boundary: Names of the domains that must be summed.
        protocol: How trials are taken.
        synthetic: Whether the model's weights are random.
        first_idle: By domain, the arm's idle power at its first trial, model resident; empty
            before.
    """

    cell: Cell
    works: Sequence[Ask]
    block: int
    order: int
    seed: int
    boundary: tuple[str, ...]
    protocol: ProtocolRecord
    synthetic: bool = False
    first_idle: Mapping[str, IdlePower] = field(default_factory=dict)

    @property
    def trial_id(self) -> str:
        """Id of the trial."""
        return trial_id(self.block, self.cell)
