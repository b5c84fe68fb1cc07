"""Every case there is. An area adds its cases in a module of its own and is listed here."""

from tests.compatibility import logs_gpu, plugs
from tests.compatibility.case import Case

CASES: tuple[Case, ...] = (*logs_gpu.CASES, *plugs.CASES)
