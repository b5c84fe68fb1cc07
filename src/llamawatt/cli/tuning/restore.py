"""`llamawatt restore`: puts back what a killed search changed of the machine."""

import typer


def restore() -> None:
    """Put back settings of the machine that a killed run had changed."""
    from llamawatt.app.system.changes import restore as put_back
    from llamawatt.app.system.controls import every_control

    done = put_back(every_control())
    if not done:
        typer.echo("There is nothing to put back.")
    for name, value in done.items():
        typer.echo(f"{name}: {value}")
