"""A run as ordered: what shall be run, with which models, servers and meters, and where to."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from llamawatt.app.metering import Metering
from llamawatt.app.serving import Serving
from llamawatt.core.errors import UsageError
from llamawatt.runs.store import read_run
from llamawatt.study.spec import StudySpec, compares_bits, compares_caches


@dataclass(frozen=True, slots=True)
class Order:
    """A run as ordered. Seed, budget and the rest of the protocol are parts of the study.

    Attributes:
        spec: The study.
        models: Model references, in place of the study's own.
        serving: What serves.
        metering: Which meters.
        out: Run directory; a new one in `llamawatt-runs` when None.
        resume: Run directory to go on with.
        judges: Whether models, or their cache settings, are judged after the trials; where bit
            widths or cache types compete, when None.
        command: What is written down as the command that made the run.
    """

    spec: StudySpec
    models: tuple[str, ...] = ()
    serving: Serving = field(default_factory=Serving)
    metering: Metering = field(default_factory=Metering)
    out: Path | None = None
    resume: Path | None = None
    judges: bool | None = None
    command: str = ""

    @property
    def wants_gpu(self) -> bool:
        """Whether any arm may use a GPU; one that sleeps is left asleep otherwise."""
        return bool(self.serving.url) or self.spec.wants_gpu

    @property
    def n_models(self) -> int:
        """How many models run; one where the default model does."""
        return max(1, len(self.models or self.spec.models))

    @property
    def wants_judging(self) -> bool:
        """Whether quality is judged: as ordered, else where bits or cache types compete.

        Raises:
            UsageError: it is ordered for a model behind a running server.
        """
        if self.judges and self.serving.url:
            raise UsageError("A model behind a running server cannot be judged.", "Omit --quality.")
        competes = compares_bits(self.spec, self.n_models) or compares_caches(self.spec)
        return not self.serving.url and (competes if self.judges is None else self.judges)

    def as_before(self) -> "Order":
        """Take the seed of the run that is resumed, for its order must go on, and its budget.

        Raises:
            UsageError: another directory is asked for beside it.
            RunDirectoryError: there is no such run.
        """
        if self.resume is None:
            return self
        if self.out is not None:
            raise UsageError("A resumed run stays where it is.", "Give --resume without --out.")
        before = read_run(self.resume).study
        protocol = self.spec.protocol
        if protocol.budget_s is None:
            protocol = protocol.model_copy(update={"budget_s": before.protocol.budget_s})
        changes = {"seed": before.seed, "protocol": protocol}
        return replace(self, spec=self.spec.model_copy(update=changes))
