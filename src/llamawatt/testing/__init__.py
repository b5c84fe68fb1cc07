"""Fakes and conformance kits for tests, ours and those of plug-ins. See docs/how-to/testing.md."""

from llamawatt.core.clock import FakeClock
from llamawatt.testing.fake_meter import FakeMeter
from llamawatt.testing.fake_sensor import PROFILES, FakeSensor
from llamawatt.testing.load_shape import LoadShape, Piece
from llamawatt.testing.meter_contract import assert_meter_contract
from llamawatt.testing.replay_meter import ReplayMeter
from llamawatt.testing.target_contract import assert_target_contract

__all__ = [
    "PROFILES",
    "FakeClock",
    "FakeMeter",
    "FakeSensor",
    "LoadShape",
    "Piece",
    "ReplayMeter",
    "assert_meter_contract",
    "assert_target_contract",
]
