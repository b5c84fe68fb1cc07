"""Words beside marks cover no interval; where there is no room they are left out."""

import matplotlib as mpl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from llamawatt.analysis.estimates.stats import Estimate, IntervalMethod
from llamawatt.report.figures.canvas import Canvas
from llamawatt.report.figures.labels import ValueLabel, label_values, name_marks
from llamawatt.report.figures.marks import whiskers
from llamawatt.report.figures.style import RC, colours, ramp

places = st.lists(
    st.tuples(st.floats(0.05, 0.95), st.floats(0.05, 0.95), st.floats(0.01, 0.4)),
    min_size=1,
    max_size=12,
)


def panel(found, narrow=False):
    canvas = Canvas("x", "Title", "What the marks mean.", narrow=narrow)
    (axes,) = canvas.panels()
    FigureCanvasAgg(canvas.figure)
    for x, y, half in found:
        made = Estimate(y, y * (1 - half), y * (1 + half), 3, IntervalMethod.STUDENT_T)
        whiskers(axes, x, made, 0.1)
        across = Estimate(x, x * (1 - half), x * (1 + half), 3, IntervalMethod.STUDENT_T)
        whiskers(axes, y, across, vertical=False)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.5)
    return axes


def bars_px(axes):
    for found in axes.collections:
        for segment in found.get_segments():
            ends = axes.transData.transform(segment)
            yield (*ends.min(axis=0), *ends.max(axis=0))


def crosses(box, bar):
    return box.x0 < bar[2] and bar[0] < box.x1 and box.y0 < bar[3] and bar[1] < box.y1


@given(found=places)
@settings(max_examples=25, deadline=None)
@pytest.mark.parametrize("values", [True, False])
def test_no_label_covers_an_interval(found, values):
    with mpl.rc_context(RC):
        axes = panel(found)
        if values:
            label_values(axes, [ValueLabel("12.3", x, y) for x, y, _ in found])
        else:
            name_marks(axes, [(f"gpu n_parallel={i}", x, y) for i, (x, y, _) in enumerate(found)])
        for text in axes.texts:
            box = Text.get_window_extent(text).shrunk(0.98, 0.9)  # without its leader
            assert not any(crosses(box, bar) for bar in bars_px(axes))


def test_a_lone_mark_has_its_label():
    with mpl.rc_context(RC):
        axes = panel([(0.5, 0.5, 0.2)])
        label_values(axes, [ValueLabel("12.3", 0.5, 0.5)])
        assert [text.get_text() for text in axes.texts] == ["12.3"]


@pytest.mark.parametrize("n", [1, 2, 7, 9, 30])
def test_no_two_arms_share_a_colour(n):
    names = [f"gpu n_parallel={i}" for i in range(n)]
    assert len(set(ramp(names).values())) == n
    assert len(set(colours([(name, "gpu") for name in names]).values())) == n
    mixed = [(name, ("cpu", "gpu", "")[i % 3]) for i, name in enumerate(names)]
    assert len(set(colours(mixed).values())) == n
