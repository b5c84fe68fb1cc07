import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.host.cpu.topology import Core, Topology
from llamawatt.meters.sensors.cpu.curve import Curve

EIGHT = Topology.even(8, 2)
CURVE = Curve()


def busy(n_threads):
    return dict.fromkeys(range(n_threads), 1.0)


def test_it_goes_from_nothing_to_all():
    assert CURVE.span_share(EIGHT, {}) == 0
    assert CURVE.span_share(EIGHT, busy(16)) == pytest.approx(1)
    assert CURVE.span_share(Topology.even(3), busy(3)) == pytest.approx(1)


def test_second_threads_add_little():
    one_a_core, all_threads = (CURVE.span_share(EIGHT, busy(n)) for n in (8, 16))
    assert 0.85 < one_a_core / all_threads < 1


def test_it_saturates_over_cores():
    half = CURVE.span_share(EIGHT, busy(4))
    assert half > 0.6 * CURVE.span_share(EIGHT, busy(8))


def test_cores_busy_part_of_the_time_cost_less_than_half_of_them_all_the_time():
    spread = CURVE.span_share(EIGHT, dict.fromkeys(range(16), 0.5))
    assert spread < CURVE.span_share(EIGHT, busy(8))


def test_an_efficiency_core_counts_for_less():
    hybrid = Topology((Core((0,)), Core((1,), is_efficiency=True)))
    fast, slow = (CURVE.span_share(hybrid, {number: 1.0}) for number in (0, 1))
    assert slow < 0.6 * fast


@given(
    st.dictionaries(st.integers(0, 15), st.floats(0, 1), max_size=16),
    st.integers(0, 15),
    st.floats(0, 1),
)
def test_more_busy_time_never_lowers_it(shares, number, more):
    raised = {**shares, number: max(shares.get(number, 0.0), more)}
    low, high = CURVE.span_share(EIGHT, shares), CURVE.span_share(EIGHT, raised)
    assert 0 <= low <= high + 1e-12
    assert high <= 1 + 1e-12


@given(st.dictionaries(st.integers(0, 15), st.floats(0, 1), max_size=16), st.floats(1, 100))
def test_the_same_busy_time_over_a_longer_stretch_is_no_less_energy(shares, longer):
    spread = {number: share / longer for number, share in shares.items()}
    assert CURVE.span_share(EIGHT, spread) * longer >= CURVE.span_share(EIGHT, shares) * (1 - 1e-9)
