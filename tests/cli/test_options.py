import pytest

from llamawatt.cli.options import seconds, watts
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


@pytest.mark.parametrize(
    ("text", "wanted_s"),
    [("90s", 90), ("300 s", 300), ("5min", 300), ("1.5m", 90), ("2h", 7200), (".5H", 1800)],
)
def test_a_duration_has_a_unit(text: str, wanted_s: float) -> None:
    assert seconds(text) == wanted_s


@pytest.mark.parametrize("text", ["5", " 5 ", "0.5"])
def test_without_one_the_units_are_offered(text: str) -> None:
    with pytest.raises(UsageError, match=f"has no unit. Write {text.strip()}s, "):
        seconds(text)


@pytest.mark.parametrize("text", ["", "s", "soon", "nan", "infs", "-5s", "0s", "5x", "5s5", "1e3s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no duration"):
        seconds(text)
