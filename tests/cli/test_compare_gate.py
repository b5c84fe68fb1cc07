"""The gate's limit is a share, and what looks like percent without its sign is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.cli.compare import fraction
from llamawatt.core.errors import UsageError


@pytest.mark.parametrize(
    ("text", "share"),
    [("5%", 0.05), ("5 %", 0.05), (" 5% ", 0.05), ("0.05", 0.05), ("0", 0.0), ("150%", 1.5)],
)
def test_shares(text: str, share: float) -> None:
    assert fraction(text) == pytest.approx(share)


@pytest.mark.parametrize(
    ("text", "forms"), [("5", "5% or 0.05"), ("1", "1% or 0.01"), ("2.5", "2.5% or 0.025")]
)
def test_a_bare_number_of_one_or_more_is_refused_with_the_right_form(text: str, forms: str) -> None:
    with pytest.raises(UsageError) as caught:
        fraction(text)
    assert forms in caught.value.remedy


@pytest.mark.parametrize("text", ["", "%", "five", "5%%", "5% x", "-5%", "nan", "inf", "inf%"])
def test_what_is_not_a_share_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        fraction(text)


@given(st.floats(1.0, 1e9))
def test_no_bare_number_opens_the_gate(value: float) -> None:
    with pytest.raises(UsageError):
        fraction(repr(value))
