"""Conservation, always; and the right split where the truth is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.readings import Domain, DomainKind, Method, Quantity
from llamawatt.gateway.costs import BatchPoint, TargetCosts
from llamawatt.gateway.energy.accounts import Accounts
from llamawatt.gateway.energy.attribution import Claim, split
from llamawatt.gateway.energy.slices import Slice
from llamawatt.gateway.energy.work import Work

COSTS = TargetCosts(0.02, 1000.0, (BatchPoint(1, 0.5, 50.0),))
GPU = Domain("gpu-0", DomainKind.OTHER, Quantity.ENERGY, Method.COUNTER, "fake")

claims_of = st.lists(
    st.builds(
        Claim,
        request_id=st.uuids().map(str),
        work_j=st.floats(0, 1e5),
        presence_s=st.floats(0, 10),
    ),
    max_size=20,
)


@given(
    energy_j=st.floats(0, 1e6),
    idle_j=st.none() | st.floats(0, 1e6),
    claims=claims_of,
    covered=st.floats(0, 1),
    gateway=st.floats(0, 1),
)
def test_a_split_sums_to_what_was_measured(energy_j, idle_j, claims, covered, gateway):
    found = split(energy_j, idle_j, claims, covered_share=covered, gateway_share=gateway)
    summed_j = found.alone_j + sum(s.above_idle_j + s.idle_j for s in found.shares.values())
    assert summed_j == pytest.approx(energy_j, rel=1e-6, abs=1e-6 * max(1.0, idle_j or 0.0))


request = st.tuples(
    st.floats(0, 50),  # begins
    st.floats(0.01, 30),  # lasts
    st.integers(1, 4000),  # prompt tokens
    st.integers(0, 500),  # generated tokens
    st.booleans(),  # streamed
)
cuts = st.lists(st.floats(0.05, 3), min_size=1, max_size=60)


@given(
    requests=st.lists(request, max_size=12),
    cuts=cuts,
    watts=st.lists(st.floats(0, 500) | st.none(), min_size=60, max_size=60),
    gateway=st.floats(0, 1),
)
def test_attributed_and_alone_sum_to_measured_whatever_comes(requests, cuts, watts, gateway):
    accounts = Accounts([GPU])
    accounts.gateway_share = gateway
    for number, (begin_s, length_s, n_prompt, n_generated, streamed) in enumerate(requests):
        work = Work("t", begin_s, n_prompt, 1000.0, 50.0, streamed)
        accounts.begin(str(number), work, COSTS)
        if streamed:
            work.first_s = begin_s + length_s / 3
            work.n_generated = n_generated
            work.note(begin_s + length_s)
        accounts.end(str(number), begin_s + length_s)
    t_s, measured_j = 0.0, 0.0
    settled = {}
    for length_s, power_w in zip(cuts, watts, strict=False):
        energy_j = None if power_w is None else power_w * length_s
        measured_j += energy_j or 0.0
        settled |= accounts.settle([Slice("gpu-0", t_s, t_s + length_s, energy_j)], t_s + length_s)
        t_s += length_s
    totals = accounts.totals
    assert totals.measured_j == pytest.approx(measured_j)
    assert totals.attributed_j + totals.alone_j == pytest.approx(measured_j, rel=1e-3, abs=1e-6)
    if all(w is not None for w in watts[: len(cuts)]) and accounts.n_open == 0:
        told_j = sum(each.energy_j for each in settled.values())
        assert told_j == pytest.approx(totals.attributed_j, rel=1e-3, abs=1e-6)


def play(jobs, costs, idle_w=40.0, step_s=0.25, coverage_s=60.0):
    """Run streams whose true power is idle plus work by known costs; return their figures."""
    accounts = Accounts([GPU])
    t_s = 0.0
    while t_s < 10.0:  # quiet
        accounts.settle([Slice("gpu-0", t_s, t_s + step_s, idle_w * step_s)], t_s + step_s)
        t_s += step_s
    works = {}
    for name, (begin_s, prefill_s, n_prompt, decode_s, n_generated) in jobs.items():
        work = Work("t", 10 + begin_s, n_prompt, n_prompt / prefill_s, 50.0)
        works[name] = (work, prefill_s, decode_s, n_generated)
        accounts.begin(name, work, costs)
    settled, truth_j = {}, dict.fromkeys(jobs, 0.0)
    while t_s < 10 + coverage_s:
        end_s, energy_j = t_s + step_s, idle_w * step_s
        for name, (work, prefill_s, decode_s, n_generated) in works.items():
            first_s = work.began_s + prefill_s
            last_s = first_s + decode_s
            if end_s > first_s and work.first_s is None:
                work.first_s = first_s
            if work.first_s is not None and work.ended_s is None:
                share = min(1.0, (end_s - first_s) / decode_s)
                work.n_generated = share * n_generated
                work.note(min(end_s, last_s))
                if end_s >= last_s:
                    accounts.end(name, last_s)
            own_j = costs.prefill_j_per_token * work.prefilled(t_s, end_s)
            own_j += costs.decode_j_per_token() * work.decoded(t_s, end_s)
            truth_j[name] += own_j
            energy_j += own_j
        settled |= accounts.settle([Slice("gpu-0", t_s, end_s, energy_j)], end_s)
        t_s = end_s
    return settled, truth_j


def test_a_prefill_heavy_beside_a_decode_heavy_stream_cost_what_they_cost_alone():
    reader = (0.3, 4.0, 8000, 1.0, 20)
    writer = (0.0, 0.2, 50, 12.0, 600)
    together, _ = play({"reader": reader, "writer": writer}, COSTS)
    for name, job in {"reader": reader, "writer": writer}.items():
        alone, truth_j = play({name: job}, COSTS)
        figure = together[name]
        assert figure.settled
        assert figure.above_idle_j == pytest.approx(truth_j[name], rel=0.05)
        assert abs(figure.above_idle_j - alone[name].above_idle_j) <= figure.uncertainty_j
    assert together["reader"].shared_with == 1


def test_without_quiet_time_idle_is_not_invented():
    accounts = Accounts([GPU])
    work = Work("t", 0.0, 10, 1000.0, 50.0, streamed=False)
    accounts.begin("a", work, COSTS)
    accounts.end("a", 2.0)
    found = accounts.settle([Slice("gpu-0", 0.0, 2.0, 100.0)], 2.0)["a"]
    assert found.energy_j == pytest.approx(100.0)
    assert found.above_idle_j is None


def test_an_answer_over_which_the_meter_died_has_no_figure_but_its_reason():
    accounts = Accounts([GPU])
    work = Work("t", 0.0, 10, 1000.0, 50.0, streamed=False)
    accounts.begin("a", work, COSTS)
    accounts.end("a", 2.0)
    found = accounts.settle([Slice("gpu-0", 0.0, 2.0, None, 0.0, "It died.")], 2.0)["a"]
    assert found.as_json() == {"status": "unavailable", "reason": "It died."}


def test_idle_is_learnt_only_while_nobody_asks_and_by_what_is_resident():
    accounts = Accounts([GPU])
    accounts.resident(0.0, "gpu")
    accounts.settle([Slice("gpu-0", t, t + 1.0, 60.0) for t in range(10)], 10.0)
    accounts.resident(10.0, "")
    accounts.settle([Slice("gpu-0", t, t + 1.0, 12.0) for t in range(10, 20)], 20.0)
    assert accounts.idle.power_w("gpu-0", "gpu") == pytest.approx(60.0)
    assert accounts.idle.power_w("gpu-0", "") == pytest.approx(12.0)
    assert accounts.idle.power_w("gpu-0", "cpu") is None


def test_waking_is_told_apart_from_idling():
    accounts = Accounts([GPU])
    accounts.resident(5.0, "gpu?")
    accounts.resident(8.0, "gpu")
    accounts.settle([Slice("gpu-0", t, t + 1.0, 50.0) for t in range(12)], 12.0)
    assert accounts.totals.waking_j == pytest.approx(150.0)


def test_a_provisional_figure_is_near_the_settled_one():
    accounts = Accounts([GPU])
    accounts.settle([Slice("gpu-0", t, t + 1.0, 40.0) for t in range(10)], 10.0)
    work = Work("t", 10.0, 100, 1000.0, 50.0)
    accounts.begin("a", work, COSTS)
    work.first_s, work.n_generated = 10.1, 250
    work.note(15.1)
    power_w = 40.0 + 25.0
    accounts.settle([Slice("gpu-0", t, t + 1.0, power_w) for t in range(10, 13)], 13.0)
    early = accounts.provisional("a", 15.1)
    accounts.end("a", 15.1)
    late = accounts.settle([Slice("gpu-0", 13.0, 15.1, power_w * 2.1)], 15.1)["a"]
    assert not early.settled
    assert early.energy_j == pytest.approx(late.energy_j, rel=0.05)
    assert abs(early.energy_j - late.energy_j) < early.uncertainty_j
