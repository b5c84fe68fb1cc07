"""`python -m llamawatt`: the same as the `llamawatt` command."""

from llamawatt.cli.main import run

run()
