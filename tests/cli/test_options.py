import pytest

from llamawatt.cli.options import watts
from llamawatt.core.errors import UsageError


@pytest.mark.parametrize(
    ("text", "power_w"),
    [("65", 65), ("65W", 65), ("65 w", 65), ("0.1kW", 100), ("500mW", 0.5), ("12,5 watts", 12.5)],
)
def test_watts_are_read_with_and_without_their_unit(text, power_w):
    assert watts(text) == pytest.approx(power_w)


@pytest.mark.parametrize("text", ["", "65J", "-5", "nan", "inf", "W", "6 5", "65Wh"])
def test_what_is_not_a_power_names_the_unit(text):
    with pytest.raises(UsageError, match="not a power") as caught:
        watts(text)
    assert "65W" in caught.value.remedy
