"""One list of figures: what is in it is drawn, shown and described everywhere."""

import re
from dataclasses import replace

import pytest

from llamawatt.core.flags import Flag
from llamawatt.core.plan import ArmRecord
from llamawatt.report.figures import registry
from llamawatt.report.figures.listed import FIGURES, figures_of
from llamawatt.report.figures.spec import FigureSpec
from llamawatt.report.forms.write import write_report
from llamawatt.report.words.headings import Section
from llamawatt.runs.store import read_run
from tests.analysis.synthetic import Arm, gpu_truth
from tests.report.conftest import DATE, write_run


def mine(name, group="mine", **factors):
    record = ArmRecord(name, group, "gpu", "tiny", {"device": "gpu", **factors}, dict(factors))
    return Arm(record, gpu_truth(), ("short_dialogue",))


def draw_dot(model, canvas):
    (axes,) = canvas.panels()
    (mark,) = axes.plot(1, 1, "o")
    canvas.tip(mark, "a dot")


@pytest.mark.parametrize("section", list(Section))
def test_a_new_figure_is_shown_under_whichever_heading_it_names(small, monkeypatch, section):
    spec = FigureSpec("dot", section, "A dot", lambda model: "", draw_dot, "One dot.",
                      lambda model: "A dot at 1 and 1.")  # fmt: skip
    monkeypatch.setattr(registry, "figures_of", lambda model: (spec,))
    files = write_report(read_run(small), made_at=DATE)
    assert {path.name for path in files.figures} == {"dot.png", "dot.svg"}
    page, text = files.html.read_text(), files.markdown.read_text()
    assert f'id="{section.anchor}"' in page
    assert 'id="figure-dot"' in page
    assert 'aria-label="A dot. A dot at 1 and 1."' in page
    assert "![A dot. A dot at 1 and 1.](figures/dot.png)" in text


def test_names_are_unique_and_every_figure_says_what_it_shows(paper):
    names = [spec.name for spec in figures_of(paper.model)]
    assert len(names) == len(set(names))
    drawn = [entry for entry in paper.model.figures if not entry.missing]
    assert len(drawn) > len(FIGURES)
    for entry in drawn:
        assert re.search(r"\d", entry.alternative), entry.name
        assert entry.section in set(Section)


def test_a_users_own_factor_has_its_figure(tmp_path):
    arms = [mine(f"gpu n_ubatch={n}", n_ubatch=n) for n in (64, 128, 256)]
    arms += [mine(f"gpu flash_attn={w}", "other", flash_attn=w) for w in ("auto", "off")]
    run = read_run(write_run(tmp_path / "run", (), arms=arms, n_blocks=3, phases=False))
    files = write_report(run, made_at=DATE)
    drawn = {entry.name: entry for entry in files.model.figures if not entry.missing}
    assert {"ablation_n_ubatch", "ablation_flash_attn"} <= set(drawn)
    assert "What n_ubatch does" in files.html.read_text()
    assert all(f"gpu n_ubatch={n} on" in drawn["ablation_n_ubatch"].alternative for n in (64, 256))


def test_the_same_factor_in_two_groups_has_two_figures(tmp_path):
    arms = [mine(f"{g} {n}", g, n_ubatch=n) for g in ("a/b", "c") for n in (64, 128)]
    run = read_run(write_run(tmp_path / "run", (), arms=arms, n_blocks=2, phases=False))
    names = {path.stem for path in write_report(run, made_at=DATE).figures}
    assert {"ablation_a_b_n_ubatch", "ablation_c_n_ubatch"} <= names


def test_every_file_names_model_machine_and_day(paper):
    for path in (path for path in paper.figures if path.suffix == ".svg"):
        text = re.sub(r"<[^>]+>", " ", path.read_text().split("<metadata>")[0]) + path.read_text()
        assert "tiny" in text
        assert "i5-12400" in text
        assert "2026-01-05" in text


def test_disturbed_windows_are_marked_wherever_they_are_drawn(small):
    run = read_run(small)
    trials = tuple(
        replace(trial, flags=(*trial.flags, Flag.OTHER_LOAD)) if trial.arm == "cpu" else trial
        for trial in run.trials
    )
    clean = write_report(run, made_at=DATE)
    assert "disturbed" not in clean.html.read_text()
    files = write_report(replace(run, trials=trials), made_at=DATE)
    page = files.html.read_text()
    for entry in (entry for entry in files.model.figures if not entry.missing):
        figure = page.split(f'id="figure-{entry.name}"')[1].split("</figure>")[0]
        assert "disturbed: other load" in figure, entry.name
    assert re.search(r"cpu, short dialogue: [^\"]*; disturbed: other load \(3 of 3\)", page)
