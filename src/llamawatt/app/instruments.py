"""The meters of this machine, opened and calibrated once, for one run or for many."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from llamawatt.app.metering import Metering
from llamawatt.meters.sampling.instrument import MeterBench


@contextmanager
def open_instruments(
    metering: Metering,
    *,
    want_gpu: bool = True,
    attached: bool = False,
    own_cpu_only: bool = False,
    tell: Callable[[str], None] | None = None,
) -> Iterator[MeterBench]:
    """Open the meters; they are closed at the end.

    Args:
        metering: Which meters.
        want_gpu: Whether a sleeping GPU may be woken.
        attached: Whether the server is somebody else's process.
        own_cpu_only: Whether all the work is done by processes that llamawatt starts, as in a run
            that is not attached: then an estimated CPU charges no others to it.
        tell: Hears what goes on.

    Raises:
        MeterError: nothing can be measured here.
    """
    found = metering.discover(want_gpu=want_gpu, attached=attached, own_cpu_only=own_cpu_only)
    with MeterBench(found.meters, found.missing, tell=tell or (lambda _: None)) as bench:
        yield bench
