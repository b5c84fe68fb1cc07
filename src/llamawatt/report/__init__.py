"""Tells what a run directory holds. Never touches a meter."""

import sys

from llamawatt.core.callable_room import CallableRoom

sys.modules[__name__].__class__ = CallableRoom  # `llamawatt.report(…)` is a function of the API
