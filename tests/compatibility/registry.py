"""Every case there is. An area adds its cases in a module of its own and is listed here."""

from tests.compatibility import plugs
from tests.compatibility.case import Case

CASES: tuple[Case, ...] = (*plugs.CASES,)
