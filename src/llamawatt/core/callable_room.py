"""A room of the package whose name is a function of the Python API too.

`llamawatt.measure` and `llamawatt.report` are folders, and once anything of them is imported Python
puts the folder where the function was. So the folder answers to a call, with the function.
"""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType


class CallableRoom(ModuleType):
    """A module that, when called, calls the function of its name in `llamawatt.api`."""

    def __call__(self, *arguments: object, **options: object) -> object:
        """Call the function."""
        name = self.__name__.rpartition(".")[2]
        function: Callable[..., object] = getattr(import_module("llamawatt.api"), name)
        return function(*arguments, **options)
