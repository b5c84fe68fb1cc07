"""Wires the commands together, and is the one place where an error becomes a sentence."""

import os
import shlex
import sys
import tempfile
import traceback
from pathlib import Path

import typer
from typer.exceptions import TyperException

from llamawatt import __version__
from llamawatt.cli.console.streams import make_sturdy
from llamawatt.core.errors import EXIT_INTERRUPTED, LlamawattError, UsageError
from llamawatt.core.redaction import arguments_without_secrets, without_secrets

EXIT_BUG = 70
"""EX_SOFTWARE of sysexits.h: a fault of llamawatt itself."""

app = typer.Typer(
    name="llamawatt",
    help="Measure, explain and lower the energy of local LLM inference with llama.cpp.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"llamawatt {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", help="Print the version.", callback=_version, is_eager=True
    ),
) -> None:
    pass


def run() -> None:
    """Run the command line: the console script's entry point. Never shows a traceback."""
    make_sturdy()
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.exit(code)


def main(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    _hide_secrets_from_ps(arguments)
    try:
        code = typer.main.get_command(app).main(
            arguments, prog_name="llamawatt", standalone_mode=False
        )
        return int(code or 0)
    except LlamawattError as error:
        _say(error.what, error.remedy)
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return _interrupted()
    except TyperException as error:
        context = getattr(error, "ctx", None)
        return _misused(error.format_message(), context.command_path if context else "llamawatt")
    except BrokenPipeError:
        return 0
    except Exception:  # noqa: BLE001  (the edge: what reaches this is a bug, told in one sentence)
        return _bug()


def _say(what: str, remedy: str) -> None:
    typer.echo(f"llamawatt: {without_secrets(what)}", err=True)
    if remedy:
        typer.echo(f"  {without_secrets(remedy)}", err=True)


def _hide_secrets_from_ps(arguments: list[str]) -> None:
    """Show a command line that holds a secret without it in lists of processes."""
    shown = arguments_without_secrets(arguments)
    if shown != arguments:
        # It shall not write over the environment, by which others know this process.
        os.environ.setdefault("SPT_NOENV", "1")
        import setproctitle

        setproctitle.setproctitle(shlex.join(["llamawatt", *shown]))


def _misused(text: str, command: str) -> int:
    """Tell a wrong command line. A group without its command is answered with its help."""
    if text.startswith("Usage:"):
        typer.echo(text, err=True)
    else:
        _say(text, f"`{command} --help` lists what there is.")
    return UsageError.exit_code


def _interrupted() -> int:
    _say("Interrupted.", "")
    return EXIT_INTERRUPTED


def _bug() -> int:
    with tempfile.NamedTemporaryFile(
        "w", prefix="llamawatt-bug-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        details = without_secrets(traceback.format_exc())
        file.write(details.encode("utf-8", "replace").decode())
    _say("This is a fault of llamawatt itself.", f"Details for a report are in {Path(file.name)}.")
    return EXIT_BUG


def _wire() -> None:
    """Register every command; each module imports its rooms only when it runs."""
    from llamawatt.cli import (
        bench,
        calibrate,
        compare,
        config,
        doctor,
        exec_,
        import_,
        model,
        quality,
        quantize,
        report,
        runs,
        study,
    )
    from llamawatt.cli.serving import energy, serve, top
    from llamawatt.cli.tuning import battery, cost, idle, restore, run, tune

    app.command("doctor")(doctor.doctor)
    app.command("bench")(bench.bench)
    app.command("calibrate")(calibrate.calibrate)
    app.command("exec", context_settings=exec_.CONTEXT)(exec_.exec_)
    app.add_typer(study.app, name="study")
    app.command("tune")(tune.tune)
    app.command("run")(run.run)
    app.add_typer(battery.app, name="battery")
    app.command("idle")(idle.idle)
    app.command("cost")(cost.cost)
    app.command("restore")(restore.restore)
    app.command("serve")(serve.serve)
    app.command("top")(top.top)
    app.command("energy")(energy.energy)
    app.command("report")(report.report)
    app.command("runs")(runs.runs)
    app.command("open")(runs.open_)
    app.command("compare", cls=compare.Variadic)(compare.compare)
    app.add_typer(model.app, name="model")
    app.command("quantize")(quantize.quantize)
    app.command("quality")(quality.quality)
    app.command("config")(config.config)
    app.add_typer(import_.app, name="import")


_wire()
