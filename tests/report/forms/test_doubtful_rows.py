"""Rows that rest on disturbed windows, or on repeats too far apart, are marked where they stand."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from llamawatt.cli.tables import print_run
from llamawatt.core.flags import Flag
from llamawatt.core.format import deviation_text
from llamawatt.report.content.source import source_of
from llamawatt.report.content.summary import summarise
from llamawatt.report.forms.tables import estimated, results
from tests.analysis.synthetic import Factory, paper_arms


def slowed(trial):
    """The same trial, twenty times slower."""
    requests = tuple(replace(r, latency_s=20 * r.latency_s) for r in trial.requests)
    return replace(trial, requests=requests)


@pytest.fixture(scope="module")
def model():
    run = Factory(arms=paper_arms()[:2], n_blocks=3, phases=False).run()
    trials = tuple(
        slowed(replace(trial, flags=(*trial.flags, Flag.OTHER_LOAD)))
        if (trial.arm, trial.suite, trial.block) == ("gpu", "short_dialogue", 1)
        else trial
        for trial in run.trials
    )
    return summarise(source_of(replace(run, trials=trials)))


def printed(model):
    console = Console(file=io.StringIO(), width=80)
    print_run(model, console)
    return console.file.getvalue()


def test_a_disturbed_row_is_marked_in_the_table_and_no_other(model):
    table = results(model)
    n, marks = table.columns.index("n"), table.columns.index("Marks")
    signs = {(row[0].key, row[1].key): (row[n].text, row[marks].text) for row in table.rows}
    count, told = signs.pop(("short_dialogue", "gpu"))
    assert count == "3 !"
    assert "disturbed: other load (1 of 3)" in told
    assert all(count == "3" and "disturbed" not in told for count, told in signs.values())


def test_the_terminal_names_the_row(model):
    text = printed(model)
    assert "3 !" in text
    lines = " ".join(text.split())
    assert "note: ! gpu on short dialogue: disturbed: other load (1 of 3)." in lines


def test_repeats_too_far_apart_are_said_to_be_no_one_figure(model):
    wanted = "latency of repeats ran from 0.4"
    lines = " ".join(printed(model).split())
    assert wanted in lines
    assert "s: too uneven for one figure." in lines
    assert any(wanted in entry.text for row in results(model).rows for entry in row)
    row = next(r for r in model.suite_rows() if r.uneven)
    assert set(row.uneven) == {"latency_s"}


def test_no_interval_is_told_as_hundreds_of_percent(model):
    texts = [entry.text for row in results(model).rows for entry in row]
    assert any("×/÷" in text for text in texts)
    assert not any(f"{n}00 %" in text for text in texts for n in range(1, 100))
    assert deviation_text(4.6, 0.8, 26.0) == "×/÷ 5.7"
    assert deviation_text(1.0, 0.9, 1.1) == "±10 %"
    assert deviation_text(-2.7, -13.7, 8.4) == ""


def test_a_difference_about_zero_has_its_ends(model):
    made = replace(model.suite_rows()[0].estimates["latency_s"], value=-2.7, low=-13.7, high=8.4)
    assert estimated(made).text == "-2.70 (-13.7 to 8.40)"
