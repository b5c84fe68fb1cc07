"""Batteries of every kind, and promises that simulated discharges keep."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.battery.packs import described, read_stock, said_stock
from llamawatt.battery.promise import Cost, Span, break_even_tokens, promise
from llamawatt.core.errors import UsageError

WH = 3600.0


def battery(root: Path, name: str, **files: object) -> Path:
    folder = root / "class/power_supply" / name
    folder.mkdir(parents=True)
    for file, value in {"type": "Battery", "status": "Discharging", **files}.items():
        (folder / file).write_text(str(value))
    return folder


def test_todays_capacity_counts_and_not_the_one_it_was_made_for(tmp_path):
    battery(tmp_path, "BAT0", energy_now=20_000_000, energy_full=40_000_000,
            energy_full_design=60_000_000)  # fmt: skip
    stock = read_stock(tmp_path)
    assert (stock.left_j, stock.full_j) == (20 * WH, 40 * WH)
    assert stock.left_share == 0.5


def test_two_batteries_add_up_and_a_mouse_does_not(tmp_path):
    for name in ("BAT0", "BAT1"):
        battery(tmp_path, name, energy_now=10_000_000, energy_full=30_000_000)
    battery(tmp_path, "hidpp", scope="Device", energy_now=1_000_000, energy_full=1_000_000)
    stock = read_stock(tmp_path)
    assert len(stock.packs) == 2
    assert (stock.left_j, stock.full_j) == (20 * WH, 60 * WH)


def test_a_charge_in_ampere_hours_becomes_joules_at_the_packs_voltage(tmp_path):
    battery(tmp_path, "BAT0", charge_now=2_000_000, charge_full=4_000_000,
            voltage_min_design=11_000_000, voltage_now=12_500_000)  # fmt: skip
    stock = read_stock(tmp_path)
    assert stock.left_j == pytest.approx(22 * WH)
    assert stock.error_share > 0.05


def test_a_charge_limit_lowers_what_full_means(tmp_path):
    battery(tmp_path, "BAT0", energy_now=20_000_000, energy_full=50_000_000,
            charge_control_end_threshold=80)  # fmt: skip
    stock = read_stock(tmp_path)
    assert stock.full_j == pytest.approx(40 * WH)
    assert "80%" in described(stock.packs)


def test_no_battery_and_a_mute_one_are_none(tmp_path):
    assert read_stock(tmp_path) is None
    battery(tmp_path, "BAT0")
    assert read_stock(tmp_path) is None


@pytest.mark.parametrize("broken", ["", "-5", "many", "1e9"])
def test_a_battery_that_says_nonsense_is_left_out(tmp_path, broken):
    battery(tmp_path, "BAT0", energy_now=broken, energy_full=40_000_000)
    assert read_stock(tmp_path) is None


@pytest.mark.parametrize("size", [0, -1, math.nan, math.inf])
def test_a_battery_that_holds_nothing_is_refused(size):
    with pytest.raises(UsageError):
        said_stock(size)


def cost(reply_j=10.0, low=None, high=None, gain=0.0, reply_s=2.0, tokens=50.0):
    return Cost("a", "s", Span(reply_j, low, high), gain, reply_s, tokens)


@given(stock=st.floats(1e3, 1e6), each=st.floats(0.1, 1e3), share=st.floats(0, 0.2))
def test_a_promise_lies_within_its_interval_and_scales(stock, each, share):
    made = promise(cost(each, 0.95 * each, 1.05 * each), stock, share)
    assert made.replies.low <= made.replies.value <= made.replies.high
    assert made.tokens.value == pytest.approx(50 * made.replies.value)
    assert made.hours.value == pytest.approx(made.replies.value * 2 / 3600)


def test_pauses_between_replies_cost_what_the_machine_idles_at():
    # 60 replies an hour of 10 J in 2 s, 58 s of 5 W between: 300 J a reply.
    made = promise(cost(), 300 * 120, 0.0, replies_per_h=60, idle_w=5.0)
    assert made.replies.value == pytest.approx(120)
    assert made.hours.value == pytest.approx(2.0)


def test_without_an_interval_none_is_promised():
    assert promise(cost(), 1000, 0.05).hours.low is None


def test_promised_hours_agree_with_simulated_discharges():
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(200):
        true_j, gauge = rng.uniform(5, 50), rng.normal(1, 0.025)
        windows = true_j * np.exp(rng.normal(0, 0.03, 5))
        centre, half = windows.mean(), 2.776 * windows.std(ddof=1) / math.sqrt(5)
        told = promise(cost(centre, centre - half, centre + half), 50 * WH * gauge, 0.05)
        left, replies = 50 * WH, 0
        lot = 200  # replies at a time, each with its own scatter
        while left > 0:
            left -= float((true_j * np.exp(rng.normal(0, 0.1, lot))).sum())
            replies += lot
        hours = replies * 2 / 3600
        hits += told.hours.low <= hours <= told.hours.high
    assert hits >= 186  # 93 %


def test_two_settings_break_even_where_their_lines_cross():
    one = [cost(5 + 0.2 * n, tokens=n) for n in (50, 200)]
    other = [cost(15 + 0.1 * n, tokens=n) for n in (50, 200)]
    assert break_even_tokens(one, other) == pytest.approx(100)
    assert break_even_tokens(one, one) is None
    assert break_even_tokens(one[:1], other) is None
    assert break_even_tokens(other, [cost(20 + 0.2 * n, tokens=n) for n in (50, 200)]) is None
