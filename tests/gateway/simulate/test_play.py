import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamawatt.core.errors import UsageError
from llamawatt.gateway.policy.router import Policy
from llamawatt.gateway.profile_file import read_profile
from llamawatt.gateway.simulate.arrivals import (
    SYNTHETIC,
    Arrival,
    read_arrivals,
    synthetic,
    thinned,
)
from llamawatt.gateway.simulate.levers import play_levers
from llamawatt.gateway.simulate.play import Setup, play

COSTS = read_profile()
arrivals_of = st.lists(
    st.builds(
        Arrival,
        t_s=st.floats(0, 600),
        n_prompt=st.integers(0, 5000),
        n_generated=st.integers(0, 800),
    ),
    min_size=1,
    max_size=40,
).map(lambda found: tuple(sorted(found, key=lambda each: each.t_s)))


@settings(max_examples=40)
@given(
    arrivals=arrivals_of,
    policy=st.sampled_from(Policy),
    n_slots=st.integers(1, 32),
    unloads=st.booleans(),
)
def test_every_request_is_answered_once_and_its_work_is_paid(arrivals, policy, n_slots, unloads):
    found = play(arrivals, Setup("x", COSTS, policy, n_slots, unloads))
    assert len(found.latency_s) == len(arrivals) == sum(found.n_by_target.values())
    assert all(each >= 0 for each in found.latency_s)
    least_j = sum(
        min(c.decode_j_per_token(32) for c in COSTS.values()) * a.n_generated for a in arrivals
    )
    assert found.spent.work_j >= least_j * 0.999
    assert found.energy_j == pytest.approx(
        found.spent.work_j + found.spent.resident_j + found.spent.wake_j
    )


def test_one_request_alone_costs_exactly_what_its_profile_says():
    found = play((Arrival(0.0, 100, 50),), Setup("x", {"cpu": COSTS["cpu"]}))
    assert found.energy_j == pytest.approx(COSTS["cpu"].work_j(100, 50))
    assert found.latency_s[0] == pytest.approx(100 / 370 + 50 / 73)


@pytest.mark.parametrize("kind", SYNTHETIC)
def test_energy_never_loses_against_the_best_fixed_target_and_saves_on_sparse_traces(kind):
    levers = play_levers(synthetic(kind, seed=1), COSTS)
    assert levers.routing.energy_j <= levers.best_fixed.energy_j
    if kind != "steady":
        assert levers.saving_share() >= 0.3
    assert sum(share for _, _, share in levers.steps()) == pytest.approx(levers.saving_share())


@pytest.mark.parametrize("kind", SYNTHETIC)
def test_a_made_trace_is_the_same_for_the_same_seed(kind):
    assert synthetic(kind, 7) == synthetic(kind, 7)
    assert synthetic(kind, 7) != synthetic(kind, 8)


def test_a_trace_in_azures_columns_is_read(tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:50.9951690,396,109\n"
    )
    found = read_arrivals(path)
    assert [each.n_prompt for each in found] == [374, 396]
    assert found[1].t_s == pytest.approx(4.314579)
    assert len(thinned(found * 500, 10, seed=1)) == pytest.approx(100, abs=40)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no column TIMESTAMP"),
        ("a,b\n1,2\n", "has no column TIMESTAMP"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n", "holds no request"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\nnoon,1,2\n", ":2: TIMESTAMP 'noon'"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n1,x,2\n", ":2: ContextTokens 'x'"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n1,2\n", ":2: GeneratedTokens None"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n1,2,99999999999\n", "GeneratedTokens"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\nnan,2,3\n", ":2: TIMESTAMP"),
    ],
)
def test_a_broken_trace_is_refused_with_its_line(tmp_path, text, said):
    path = tmp_path / "trace.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"trace\.csv") as refused:
        read_arrivals(path)
    assert said in str(refused.value)


def test_a_trace_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "trace.csv.gz"
    path.write_bytes(b"\x1f\x8b\x00junk")
    with pytest.raises(UsageError):
        read_arrivals(path)
    with pytest.raises(UsageError, match="no trace"):
        synthetic("weekly", 1)
