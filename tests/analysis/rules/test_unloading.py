"""After how long a silence unloading pays, and when that is not known."""

import pytest

from llamawatt.analysis.estimates.idle import IdleOf
from llamawatt.analysis.estimates.stats import Estimate, IntervalMethod
from llamawatt.analysis.rules.unloading import less, rules, snippets


def made(value, half=0.0):
    return Estimate(value, value - half, value + half, 5, IntervalMethod.STUDENT_T)


def idle(**changes) -> IdleOf:
    given = {
        "power_w": {"bare": made(70, 1), "runtime": made(100, 1), "model": made(120, 1)},
        "extra_w": made(50, 2), "load_s": 3.0, "load_j": 900.0, "load_above_j": made(500, 20),
    }  # fmt: skip
    return IdleOf(arm="gpu", modelled=False, **{**given, **changes})


def test_ending_saves_more_than_sleeping_and_so_pays_sooner():
    end, sleep = rules(idle())
    assert end.after_s.value == pytest.approx(10)
    assert sleep.saves_w.value == pytest.approx(20)
    assert sleep.after_s.value == pytest.approx(25)
    assert end.after_s.low < 10 < end.after_s.high


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"extra_w": None}, "watts saved were not measured"),
        ({"load_above_j": None}, "joules to load were not measured"),
        ({"extra_w": made(1, 2)}, "cannot be told from nothing"),
        ({"extra_w": made(-5, 2)}, "saves nothing"),
        ({"load_above_j": made(500, 450)}, "factor of two"),
    ],
)
def test_what_cannot_be_told_says_why(changes, says):
    end = rules(idle(**changes))[0]
    assert end.after_s is None
    assert says in end.why_not


def test_without_a_sleeping_server_only_ending_has_a_rule():
    end, sleep = rules(idle(power_w={"bare": made(70, 1), "model": made(120, 1)}))
    assert end.after_s is not None
    assert sleep.after_s is None
    assert "not measured" in sleep.why_not


def test_a_difference_is_as_unsure_as_both():
    found = less(made(120, 3), made(100, 4))
    assert (found.value, found.high - found.value) == (20, pytest.approx(5))
    assert less(None, made(1)) is None
    assert less(made(3), Estimate(1, None, None, 1, IntervalMethod.NONE)).low is None


def test_a_silence_is_written_as_each_program_wants_it():
    assert snippets(25.4) == {
        "Ollama": "OLLAMA_KEEP_ALIVE=25s", "llama-swap": "ttl: 25",
        "llama-server": "--sleep-idle-seconds 25",
    }  # fmt: skip
    assert snippets(0.2)["llama-swap"] == "ttl: 1"
