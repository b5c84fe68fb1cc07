"""Measure, explain and lower the energy of local LLM inference with llama.cpp."""

from typing import TYPE_CHECKING

from llamawatt.core.version import VERSION

if TYPE_CHECKING:
    from llamawatt.api import Measurement, measure

__version__ = VERSION
__all__ = ["Measurement", "__version__", "measure"]


def __getattr__(name: str) -> object:
    """Import the API only when it is used: the command line's help must not wait for numpy."""
    if name in {"Measurement", "measure"}:
        from llamawatt import api  # noqa: PLC0415

        return getattr(api, name)
    raise AttributeError(f"module 'llamawatt' has no attribute {name!r}")
