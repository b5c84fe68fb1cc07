"""What each stage of a search asks: which prompts, how long a window, on a fresh server or not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llamawatt.core.errors import UsageError
from llamawatt.core.plan import ProtocolRecord, SuiteRecord
from llamawatt.study.plan import SuiteSource, protocol_record
from llamawatt.study.spec import ProtocolSpec
from llamawatt.targets.dialects import Ask
from llamawatt.tune.search.measured import Stage
from llamawatt.workloads.shape import Prompt
from llamawatt.workloads.suite import make_suite

SEARCH, HELD_OUT = "search", "held-out"
"""Names of the two halves of the prompts, as the run directory has them."""
SHORT_S, LONG_S = 2.0, 4.0
"""Shortest windows of the search, and of the stages that decide."""
SHORT_PERIODS, LONG_PERIODS = 15, 30
"""And so many update periods of the slowest sensor at least."""
N_PASS = 2
"""Prompts of one pass, where a suite has so many."""
DECIDING = frozenset({Stage.RACE, Stage.CONFIRM, Stage.ALONE})


@dataclass(frozen=True, slots=True)
class Script:
    """What to ask.

    Attributes:
        search: Prompts that settings are sought on.
        held_out: Prompts that decide.
        short: Protocol of the search's windows.
        long: Protocol of those that decide.
        records: The halves as they are written down.
        note: What a reader must know of the halves; empty otherwise.
    """

    search: tuple[Ask, ...]
    held_out: tuple[Ask, ...]
    short: ProtocolRecord
    long: ProtocolRecord
    records: tuple[SuiteRecord, ...]
    note: str = ""

    def suite(self, stage: Stage) -> str:
        """Return the name of the half that a stage asks."""
        return HELD_OUT if stage in DECIDING else SEARCH

    def protocol(self, stage: Stage) -> ProtocolRecord:
        """Return how a stage's windows are taken."""
        return self.long if stage in DECIDING else self.short

    def works(self, stage: Stage, number: int) -> tuple[Ask, ...]:
        """Return one pass: the same in all of the search; in a round, the same for everybody."""
        if stage not in DECIDING:
            return self.search[:N_PASS]
        n = min(N_PASS, len(self.held_out))
        first = (number - 1) * n
        return tuple(self.held_out[(first + index) % len(self.held_out)] for index in range(n))


def make_script(suites: Mapping[str, SuiteSource], protocol: ProtocolSpec) -> Script:
    """Split prompts into those that are sought on and those that decide.

    Args:
        suites: By name.
        protocol: How the deciding windows are taken; those of the search are shorter.

    Raises:
        UsageError: there is no prompt.
    """
    works = _mixed([source.works for source in suites.values()])
    if not works:
        raise UsageError("There is no prompt to tune on.", "Name a suite with prompts.")
    halves = works[0::2], works[1::2]
    note = ""
    if not halves[1]:
        halves = works, works
        note = "One prompt is all there is: the winner is judged on the prompt it was sought on."
    changes = {"window_min_s": SHORT_S, "periods_min": SHORT_PERIODS}
    records = tuple(_record(*half) for half in zip((SEARCH, HELD_OUT), halves, strict=True))
    short = protocol_record(protocol.model_copy(update=changes))
    return Script(*halves, short, protocol_record(protocol), records, note)


def tuning_protocol(budget_s: float) -> ProtocolSpec:
    """Return how deciding windows are taken: no idles, since gross joules are compared."""
    return ProtocolSpec(
        window_min_s=LONG_S, periods_min=LONG_PERIODS, idle_s=0.0, cool_down_s=0.0,
        settle_max_s=0.0, n_warm_up=1, n_prompts=N_PASS, repeats_min=1, budget_s=budget_s,
        n_retries=0, n_again=0,
    )  # fmt: skip


def _mixed(suites: Sequence[Sequence[Ask]]) -> tuple[Ask, ...]:
    """Take turns among suites, two of each, so that either half has prompts of all of them."""
    longest = max((len(works) for works in suites), default=0)
    return tuple(
        ask for at in range(0, longest, 2) for works in suites for ask in works[at : at + 2]
    )


def _record(name: str, works: Sequence[Ask]) -> SuiteRecord:
    prompts = tuple(Prompt(ask.prompt_id, ask.prompt, ask.n_predict) for ask in works)
    suite = make_suite(name, prompts)
    return SuiteRecord(name, suite.sha256, len(works), suite.n_predict)
