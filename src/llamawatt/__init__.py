"""Measure, explain and lower the energy of local LLM inference with llama.cpp."""

from typing import TYPE_CHECKING

from llamawatt.core.version import VERSION

if TYPE_CHECKING:
    from llamawatt.api import bench, compare, measure, order, read_run, report, run_study
    from llamawatt.app.measuring import Measurement
    from llamawatt.app.metering import Metering
    from llamawatt.app.observer import Silent
    from llamawatt.app.order import Order
    from llamawatt.app.serving import Serving
    from llamawatt.core.errors import Cancelled, LlamawattError
    from llamawatt.runs.store import Run
    from llamawatt.study.baseline import bench_study

__version__ = VERSION
__all__ = [
    "Cancelled", "LlamawattError", "Measurement", "Metering", "Order", "Run", "Serving", "Silent",
    "__version__", "bench", "bench_study", "compare", "measure", "order", "read_run", "report",
    "run_study",
]  # fmt: skip
_HOMES = {
    "Cancelled": "core.errors",
    "LlamawattError": "core.errors",
    "Measurement": "app.measuring",
    "Metering": "app.metering",
    "Order": "app.order",
    "Run": "runs.store",
    "Serving": "app.serving",
    "Silent": "app.observer",
    "bench_study": "study.baseline",
}
"""Where a public name lives, if not in `api`."""


def __getattr__(name: str) -> object:
    """Import a public name only when it is used: the command line's help must not wait for it."""
    if name not in __all__:
        raise AttributeError(f"module 'llamawatt' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(f"llamawatt.{_HOMES.get(name, 'api')}"), name)


def __dir__() -> list[str]:
    """Show the public names although they are not loaded yet."""
    return sorted({*globals(), *__all__})
