"""The roof over an arm: measured where it was, the nameplate otherwise, and never a mixture."""

from dataclasses import replace

from llamawatt.analysis.estimates.roofline import Roof, roof_of
from llamawatt.core.machine import Gpu
from tests.analysis.synthetic import Factory

CARD = Gpu(0, "NVIDIA H100 80GB HBM3", nameplate_bytes_per_s=3.352e12)


def machine(*gpus, **measured):
    bandwidth = {name.replace("_", "-"): rate for name, rate in measured.items()}
    return replace(Factory().machine(), gpus=gpus, bandwidth_bytes_per_s=bandwidth)


def test_a_card_has_its_nameplate_and_says_so():
    assert roof_of(machine(CARD, cpu=60e9), "gpu") == Roof(3.352e12, is_nameplate=True)
    assert roof_of(machine(CARD, cpu=60e9), "cpu") == Roof(60e9)


def test_what_was_measured_goes_first():
    assert roof_of(machine(CARD, gpu_0=2.9e12), "gpu") == Roof(2.9e12)


def test_there_is_none_where_it_is_not_known_or_there_are_two_memories():
    unknown = replace(CARD, nameplate_bytes_per_s=None)
    assert roof_of(machine(unknown), "gpu") is None
    assert roof_of(machine(), "gpu") is None
    assert roof_of(machine(CARD), "cpu") is None
    assert roof_of(machine(CARD, cpu=60e9), "hybrid") is None


def test_cards_alike_have_one_roof_and_unlike_cards_none():
    other = replace(CARD, index=1)
    assert roof_of(machine(CARD, other), "gpu") == Roof(3.352e12, is_nameplate=True)
    assert roof_of(machine(CARD, replace(other, nameplate_bytes_per_s=1e12)), "gpu") is None
    assert roof_of(machine(CARD, replace(other, nameplate_bytes_per_s=None)), "gpu") is None
