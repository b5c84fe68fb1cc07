"""What people read of a search."""

from dataclasses import replace

import pytest

from llamawatt.tune.record import Found, PayBack, TuneRecord
from llamawatt.tune.running import Tuned
from llamawatt.tune.telling.handing_over import hand_over
from llamawatt.tune.telling.page import _Point as Point
from llamawatt.tune.telling.page import front, html, write_report
from llamawatt.tune.telling.told import gain, told
from tests.tune.simulated import MACHINE, prepared
from tests.tune.test_running import run


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    path = tmp_path_factory.mktemp("told") / "r"
    ready = prepared()
    found, _ = run(path, ready)
    return Tuned(path, TuneRecord(1, ready.asked, (), {}, found), ready, MACHINE)


def with_found(tuned, **changes):
    found = replace(tuned.found, **changes)
    return replace(tuned, record=tuned.record.with_found(found))


def test_a_winner_is_named_with_its_interval_and_its_command(tuned):
    text = "\n".join(told(tuned))
    assert "Best setting found: n_threads=1" in text
    assert "95 % interval" in text
    assert "llamawatt run" in text
    assert "OMP_WAIT_POLICY=PASSIVE llama-server" in text
    assert "replies they have come back" in text


def test_nothing_better_is_said_plainly(tuned):
    text = "\n".join(told(with_found(tuned, answer="nothing better")))
    assert "Nothing better than the default was found." in text


def test_nothing_that_fits_names_the_misses(tuned):
    none = with_found(tuned, answer="nothing fits", winner=None, miss=("ttft_s<=1: 2 s",))
    text = "\n".join(told(none))
    assert "nearest miss: ttft_s<=1" in text
    assert "llamawatt run" not in text
    assert hand_over(none) == ()


def test_an_interruption_is_not_sold_as_a_result(tuned):
    text = "\n".join(told(with_found(tuned, answer="interrupted", low=None, high=None)))
    assert "not confirmed" in text


def test_throughput_grows_where_its_loss_falls():
    found = Found("better", ratio=0.5, low=0.4, high=0.625, n_rounds=9)
    assert gain(found, "throughput").startswith("+100.0 % (95 % interval +60.0 to +150.0 %")


def test_batching_is_never_sold_as_tuning(tuned):
    text = "\n".join(told(with_found(tuned, batching=0.25)))
    assert "no merit of the setting" in text
    assert "-75.0 %" in text


def test_what_was_spent_is_told_where_nothing_comes_back(tuned):
    text = "\n".join(told(with_found(tuned, pay_back=PayBack(1000.0))))
    assert "The search took 1.00 kJ." in text or "The search took" in text
    assert "come back" not in text


def test_the_page_holds_answer_front_effects_and_all_that_was_tried(tuned):
    page = html(tuned)
    assert page.count("<svg") == 2
    for each in tuned.found.tried:
        assert each.name in page
    assert "Does not map" in page
    assert "http://" not in page.replace("http://www.w3.org", "").replace(
        "http://purl.org", ""
    ).replace("http://creativecommons.org", "")
    assert write_report(tuned)[0].is_file()


def test_the_front_holds_what_none_beats():
    tried = None
    points = [Point(tried, x, y) for x, y in [(1, 5), (2, 4), (3, 6), (4, 1), (2, 9)]]
    assert [(p.x, p.y) for p in front(points)] == [(1, 5), (2, 4), (4, 1)]


def test_handing_over_writes_a_file_for_every_program(tuned):
    profile, folder = hand_over(tuned)
    assert profile.is_file()
    assert {path.name for path in folder.iterdir()} == {
        "llama-server.sh", "models-preset.ini", "Modelfile", "lm-studio.json", "llama-swap.yaml",
    }  # fmt: skip
