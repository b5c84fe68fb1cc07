"""`llamawatt` and `python -m llamawatt`: the command line, quiet when interrupted as it loads."""

import sys

from llamawatt.core.errors import EXIT_INTERRUPTED


def start() -> None:
    """Load the command line and run it: the console script's entry point."""
    try:
        from llamawatt.cli.main import run  # noqa: PLC0415  (loading takes a moment)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    run()


if __name__ == "__main__":
    start()
