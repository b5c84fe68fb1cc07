"""A vendor's binding in which every call fails in one way, whatever it raises itself.

Bindings decode names, look up symbols and unpack structures, and what goes wrong there comes out
as anything: `UnicodeDecodeError`, `AttributeError`, `OSError`. One device that cannot be asked must
not take the others along.
"""

from collections.abc import Callable


class Guarded:
    """Passes every call on, and turns every exception into one kind.

    Args:
        owner: The binding.
        failed: Makes the one exception from what was raised.
        kept: Exceptions that are passed on as they are.
    """

    def __init__(
        self,
        owner: object,
        failed: Callable[[Exception], Exception],
        kept: tuple[type[Exception], ...] = (),
    ) -> None:
        self._owner = owner
        self._failed = failed
        self._kept = kept

    def __getattr__(self, name: str) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            try:
                return getattr(self._owner, name)(*arguments)
            except self._kept:
                raise
            except Exception as error:
                raise self._failed(error) from error

        return call
