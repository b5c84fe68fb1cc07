"""Legends fit their figure, however long the names; a figure has room for them."""

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from llamawatt.report.figures.canvas import Canvas, label_room_in, swatch, wrapped
from llamawatt.report.figures.style import RC

LONG = "tinyllama-1.1b-Q4_0 gpu flash_attn=on cache_type_k=q8_0"


@pytest.mark.parametrize("narrow", [True, False])
@pytest.mark.parametrize(
    "labels",
    [
        ["cpu", "gpu"],
        [f"cpu n_threads={n}" for n in range(9)],
        ["gpu", LONG, "(partly) modelled"],
        [f"{LONG} {n}" for n in range(4)],
        ["W" * 40],
    ],
)
def test_a_legend_stays_inside_and_below_the_panels(labels: list[str], narrow: bool) -> None:
    with mpl.rc_context(RC):
        _check(labels, narrow=narrow)


def _check(labels: list[str], *, narrow: bool) -> None:
    canvas = Canvas("x", "Title", "What the marks mean.", narrow=narrow)
    (axes,) = canvas.panels(handles=[swatch("red", label) for label in labels])
    axes.set_xlabel("Latency (s)")
    FigureCanvasAgg(canvas.figure).draw()
    (legend,) = canvas.figure.legends
    assert {text.get_text().replace("\n", " ") for text in legend.get_texts()} >= {
        label for label in labels if " " in label or len(label) < 30
    }
    box, whole = legend.get_window_extent(), canvas.figure.bbox
    assert box.x0 >= 0
    assert box.x1 <= whole.x1
    assert box.y0 >= 0
    assert box.y1 <= axes.xaxis.label.get_window_extent().y0


@pytest.mark.parametrize("narrow", [True, False])
@pytest.mark.parametrize(
    "name", ["gpu", LONG, f"{LONG} {LONG} {LONG}", "W" * 90, "", "gpu env=A=1 n_parallel=64"]
)
def test_tick_labels_leave_the_panel_room(name: str, narrow: bool) -> None:
    label = wrapped(name, narrow=narrow)
    assert label.count("\n") <= 1
    assert label.replace("\n", " ").replace(" …", "") in name or "W" in name
    canvas = Canvas("x", "Title", "What the marks mean.", narrow=narrow)
    with mpl.rc_context(RC):
        (axes,) = canvas.panels(lefts_in=(label_room_in([label]),))
    assert axes.get_position().width * canvas.figure.get_size_inches()[0] > 1.2
