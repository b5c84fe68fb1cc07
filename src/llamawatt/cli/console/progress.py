"""Shows a run as it goes on: a live line on a terminal, plain lines elsewhere. Always on stderr."""

from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from llamawatt.app.observer import Outlook
from llamawatt.core.format import duration_text, energy_text
from llamawatt.core.plan import RunEvent
from llamawatt.core.trials import Status, TrialRecord

INTERRUPTED = "interrupted"
QUIET_KINDS = {"stopped"}
"""Events that the tables show anyway."""


class ConsoleObserver:
    """Draws a run on stderr, so that stdout stays free for results. A context manager."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._path = Path()
        self._console = Console(stderr=True, quiet=quiet, highlight=False)
        self._live = self._console.is_terminal and not quiet
        self._bar = Progress(
            SpinnerColumn(),
            MofNCompleteColumn(),
            BarColumn(bar_width=16),
            TextColumn("{task.fields[left]}"),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=self._console,
            transient=True,
            disable=not self._live,
        )
        self._task = self._bar.add_task("starting", total=None, left="")

    def __enter__(self) -> "ConsoleObserver":
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def doing(self, what: str) -> None:
        """Show what goes on now."""
        self._bar.update(self._task, description=what)

    def finished(self, trial: TrialRecord, outlook: Outlook) -> None:
        """Show a finished trial and how much is left."""
        left = "" if outlook.remaining_s is None else f"{duration_text(outlook.remaining_s)} left"
        self._bar.update(self._task, completed=outlook.n_done, total=outlook.n_expected, left=left)
        if not self._live:
            self.say(f"[{outlook.n_done}/{outlook.n_expected}] {_line(trial)}  {left}".rstrip())

    def stands(self, line: str, left: str) -> None:
        """Show where a search stands: on a terminal in place, elsewhere a line each time."""
        self._bar.update(self._task, description=line, left=left)
        if not self._live:
            self.say(f"{line}  ({left})")

    def noted(self, event: RunEvent) -> None:
        """Show an event, unless the tables tell it."""
        if event.kind == INTERRUPTED:
            self.say(
                f"Finished trials are on the disk. Go on: the same command without --out, with "
                f"--resume {self._path}"
            )
        elif event.kind not in QUIET_KINDS:
            self.say(f"{event.kind}: {event.text}")

    def began(self, path: Path) -> None:
        """Remember where the run is written."""
        self._path = path

    def say(self, text: str) -> None:
        """Show a line that stays."""
        self._console.print(text, markup=False, soft_wrap=True)

    def fetching(self, name: str, done_bytes: int, total_bytes: int | None) -> None:
        """Show how much of a model has been fetched."""
        of = f" of {total_bytes / 1e6:.0f}" if total_bytes else ""
        self.doing(f"fetching {name}: {done_bytes / 1e6:.0f}{of} MB")


def _line(trial: TrialRecord) -> str:
    head = f"{trial.arm} · {trial.suite}"
    if trial.status is not Status.OK or trial.metrics is None:
        return f"{head}: failed ({trial.error})"
    energy, latency = trial.metrics["energy_j"], trial.metrics["latency_s"]
    joules = "energy not measured" if energy is None else f"{energy_text(energy)} a reply"
    return f"{head}: {duration_text(latency)}, {joules}"
