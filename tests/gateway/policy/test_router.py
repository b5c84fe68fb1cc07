import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.gateway.costs import BatchPoint, TargetCosts
from llamawatt.gateway.policy.router import Ask, Policy, Standing, State, Supply, decide, predict

GPU = TargetCosts(
    0.005,
    10_000.0,
    (BatchPoint(1, 0.2, 500.0), BatchPoint(16, 0.02, 3000.0)),
    50.0,
    2.0,
    120.0,
    1.0,
)
CPU = TargetCosts(0.1, 400.0, (BatchPoint(1, 0.6, 70.0),), 0.0, 0.5, 10.0)
ASK = Ask(100, 200)


def both(gpu=State.WARM, cpu=State.WARM, **gpu_fields):
    return [Standing("gpu", GPU, gpu, n_slots=16, **gpu_fields), Standing("cpu", CPU, cpu)]


standings = st.lists(
    st.builds(
        Standing,
        name=st.sampled_from("abcdef"),
        costs=st.sampled_from([GPU, CPU]),
        state=st.sampled_from(State),
        n_busy=st.integers(0, 20),
        n_waiting=st.integers(0, 20),
        n_slots=st.integers(1, 16),
        ready_in_s=st.floats(0, 10),
        worth_j=st.floats(0, 1000),
    ),
    max_size=5,
    unique_by=lambda each: each.name,
)


@given(
    standings=standings,
    policy=st.sampled_from(Policy),
    on_battery=st.booleans(),
    charge=st.floats(0, 1),
    n_prompt=st.integers(0, 100_000),
    n_generated=st.integers(0, 10_000),
    ttft_s=st.none() | st.floats(0, 10),
    can_wait=st.booleans(),
)
def test_every_request_goes_to_a_healthy_target_or_is_told_why_not(
    standings, policy, on_battery, charge, n_prompt, n_generated, ttft_s, can_wait
):
    ask = Ask(n_prompt, n_generated, ttft_s, can_wait=can_wait)
    found = decide(ask, standings, policy, Supply(on_battery, charge))
    healthy = {each.name for each in standings if each.state is not State.FAILED}
    assert found.reason
    if found.target is None:
        assert not healthy or found.waits
    else:
        assert found.target in healthy
        assert found.predicted.energy_j >= 0
        assert found.predicted.latency_s >= found.predicted.ttft_s >= 0


def test_latency_takes_the_faster_and_energy_the_cheaper():
    assert decide(ASK, both(), Policy.LATENCY).target == "gpu"
    assert decide(ASK, both(), Policy.ENERGY).target == "gpu"
    assert decide(ASK, both(gpu=State.OFF), Policy.ENERGY).target == "cpu"


def test_a_sleeping_gpu_is_woken_once_that_is_worth_it():
    asleep = decide(ASK, both(gpu=State.OFF), Policy.ENERGY)
    assert asleep.missed is not None
    name, saved_j = asleep.missed
    assert name == "gpu"
    assert saved_j > 0
    worth_j = 2 * GPU.wake_j
    woken = decide(ASK, both(gpu=State.OFF, worth_j=worth_j), Policy.ENERGY)
    assert woken.target == "gpu"
    assert "woken" in woken.reason


def test_a_limit_of_time_overrides_the_energy_and_says_so():
    fast = Ask(100, 200, deadline_s=1.0)
    assert decide(fast, both(), Policy.ENERGY).target == "gpu"
    impossible = decide(Ask(100, 200, ttft_s=1e-6), both(), Policy.ENERGY)
    assert impossible.target == "gpu"
    assert "fast enough" in impossible.reason


def test_battery_saves_energy_on_battery_and_puts_off_what_can_wait_when_low():
    low = Supply(on_battery=True, charge_share=0.1)
    waits = decide(Ask(100, 200, can_wait=True), both(), Policy.BATTERY, low)
    assert waits.waits
    assert waits.target is None
    assert decide(ASK, both(), Policy.BATTERY, low).target is not None
    plugged = Supply(on_battery=False, charge_share=0.1)
    assert not decide(Ask(100, 200, can_wait=True), both(), Policy.BATTERY, plugged).waits


def test_a_stream_that_joins_a_batch_costs_less_than_one_alone():
    alone = predict(ASK, Standing("gpu", GPU, n_slots=16))
    joined = predict(ASK, Standing("gpu", GPU, n_slots=16, n_busy=8))
    assert joined.work_j < alone.work_j / 2
    assert joined.latency_s > alone.latency_s


def test_a_cached_prefix_spares_its_prefill():
    fresh = predict(Ask(10_000, 10), Standing("gpu", GPU))
    cached = predict(Ask(10_000, 10), Standing("gpu", GPU, n_cached=9_900))
    assert cached.ttft_s < fresh.ttft_s / 50
    assert cached.work_j < fresh.work_j


@given(n=st.floats(1, 64))
def test_costs_lie_between_their_points(n):
    assert 0.02 - 1e-12 <= GPU.decode_j_per_token(n) <= 0.2 + 1e-12
    assert GPU.decode_tokens_per_s(16) == pytest.approx(3000.0)
