"""Doing a study: sessions, trials, doubts, and going on after an interruption."""

import sys

from llamawatt.core.callable_room import CallableRoom

sys.modules[__name__].__class__ = CallableRoom  # `llamawatt.measure(…)` is a function of the API
