"""The formula gives the vendor's own figures, for HBM and for GDDR."""

import pytest

from llamawatt.meters.sensors.memory_nameplate import nameplate_bytes_per_s


@pytest.mark.parametrize(
    ("bus_bits", "max_clock_mhz", "stated_gb_per_s"),
    [
        pytest.param(5120, 2619, 3352, id="H100 SXM, HBM3"),
        pytest.param(5120, 1593, 2039, id="A100 80 GB SXM, HBM2e"),
        pytest.param(4096, 877, 898, id="V100, HBM2"),
        pytest.param(384, 10501, 1008, id="RTX 4090, GDDR6X"),
        pytest.param(192, 7501, 360, id="RTX 3060, GDDR6"),
        pytest.param(256, 5001, 320, id="T4, GDDR6"),
        pytest.param(256, 5005, 320, id="GTX 1080, GDDR5X"),
    ],
)
def test_the_vendors_own_figures(bus_bits, max_clock_mhz, stated_gb_per_s):
    made = nameplate_bytes_per_s(bus_bits, max_clock_mhz * 1e6)
    assert made == pytest.approx(stated_gb_per_s * 1e9, rel=2e-3)


@pytest.mark.parametrize("given", [(None, 1e9), (5120, None), (0, 1e9), (5120, 0), (-1, 1e9)])
def test_what_is_not_known_gives_none(given):
    assert nameplate_bytes_per_s(*given) is None
