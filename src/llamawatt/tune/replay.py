"""Going on with a search: what was measured is answered from the run, the rest is measured."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from llamawatt.core.trials import TrialRecord
from llamawatt.tune.search.measured import Measure, Measured, Stage
from llamawatt.tune.search.space import Setting, Space
from llamawatt.tune.setup.settings import name_of
from llamawatt.tune.windows import ALONE_NAME, STAGE, measured_of


@dataclass(slots=True)
class Replay:
    """A `Measure` that answers from recorded windows first.

    A search decides from its seed and its windows alone. So it asks again for what it asked
    before, in the same order, and goes on where it was broken off; should it ask for something
    else, that is measured, and nothing recorded is used for another setting or stage.

    Attributes:
        space: What varies.
        then: Measures what is not recorded.
        known: Values that no window measures.
    """

    space: Space
    then: Measure
    known: Callable[[Setting], Mapping[str, float]]
    _left: dict[tuple[str, str], deque[TrialRecord]] = field(
        default_factory=lambda: defaultdict(deque)
    )

    def remember(self, trials: Iterable[TrialRecord]) -> None:
        """Take the windows of a run, in the order of execution."""
        for trial in sorted(trials, key=lambda each: each.order):
            stage = trial.evidence.get(STAGE)
            if isinstance(stage, str):
                self._left[trial.arm, stage].append(trial)

    def __call__(self, setting: Setting, stage: Stage, number: int) -> Measured:
        """Take one window, or the recorded one in its place."""
        name = ALONE_NAME if stage is Stage.ALONE else name_of(self.space, setting)
        recorded = self._left.get((name, stage.value))
        if recorded:
            return measured_of(recorded.popleft(), setting, self.known(setting))
        return self.then(setting, stage, number)
