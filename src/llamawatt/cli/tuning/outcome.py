"""What a search shows as it goes on, and what it prints at its end."""

import json
import shlex
import sys
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from llamawatt.cli.console.progress import ConsoleObserver
from llamawatt.core.errors import EXIT_INTERRUPTED, GateError, SpecError
from llamawatt.core.format import duration_text
from llamawatt.core.redaction import arguments_without_secrets

if TYPE_CHECKING:
    from llamawatt.tune.running import Tuned, TuneOrder
    from llamawatt.tune.search.measured import Measured
    from llamawatt.tune.verdict import Standing


class TuneConsole(ConsoleObserver):
    """Draws a search on stderr: the window, the best so far, the time left."""

    def __enter__(self) -> "TuneConsole":
        super().__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)

    def window(self, taken: "Measured", name: str, best: "Standing | None", left_s: float) -> None:
        """Show a window, the best so far and the time left."""
        left = f"{duration_text(max(0.0, left_s))} left"
        self.stands(_line(taken, name, best), left)


def _line(taken: "Measured", name: str, best: "Standing | None") -> str:
    what = f"failed ({taken.failure.splitlines()[0][:80]})" if taken.failure else _figures(taken)
    line = f"{taken.stage.value}: {name}: {what}"
    if best is None:
        return line
    gain = "" if best.ratio is None else f" ({100 * (best.ratio - 1):+.1f} % so far)"
    return f"{line} · best so far{gain}"


def _figures(taken: "Measured") -> str:
    parts = []
    if "j_per_token" in taken.values:
        parts.append(f"{taken.values['j_per_token']:.3g} J/token")
    if "tok_per_s" in taken.values:
        parts.append(f"{taken.values['tok_per_s']:.3g} tok/s")
    return ", ".join(parts)


def carry_out(
    order: "TuneOrder", *, check: Path | None, quiet: bool, as_json: bool, with_report: bool
) -> None:
    """Run a search, or check a profile, and print what came of it.

    Raises:
        SpecError: no setting keeps the requirements; the nearest misses are named.
        GateError: a checked profile does not win any more.
        LlamawattError: something else that the user should know.
    """
    from llamawatt.tune.running import tune
    from llamawatt.tune.telling.handing_over import hand_over
    from llamawatt.tune.telling.told import told

    command = shlex.join(["llamawatt", *arguments_without_secrets(sys.argv[1:])])
    order = replace(order, command=command)
    with TuneConsole(quiet=quiet) as observer:
        tuned = _checked(order, check, observer) if check else tune(order, observer)
    files = hand_over(tuned)
    if with_report:
        from llamawatt.tune.telling.page import write_report

        files = (*files, *write_report(tuned))
    if as_json:
        typer.echo(json.dumps(_json(tuned, files), indent=1))
    else:
        console = Console(file=sys.stdout, highlight=False)
        for line in told(tuned):
            console.print(line, markup=False, soft_wrap=True)
    for line in ("", f"run:    {tuned.path}", *(f"wrote:  {path}" for path in files)):
        typer.echo(line, err=as_json)
    _end(tuned, is_check=check is not None)


def _checked(order: "TuneOrder", profile: Path, observer: TuneConsole) -> "Tuned":
    from llamawatt.tune.checking import check

    return check(order, profile, observer)


def _json(tuned: "Tuned", files: tuple[Path, ...]) -> dict[str, object]:
    return {
        "run": str(tuned.path),
        "asked": asdict(tuned.record.asked),
        **asdict(tuned.found),
        "files": [str(path) for path in files],
    }


def _end(tuned: "Tuned", *, is_check: bool) -> None:
    answer = tuned.found.answer
    if answer == "interrupted":
        raise typer.Exit(EXIT_INTERRUPTED)
    if answer == "nothing fits":
        raise SpecError(
            f"No setting keeps what is required. {'; '.join(tuned.found.miss)}.",
            "Loosen a requirement, or allow a longer search.",
        )
    if is_check and answer != "better":
        raise GateError(
            "The setting of the profile is not better than the default any more.",
            "Tune again: `llamawatt tune`.",
        )
