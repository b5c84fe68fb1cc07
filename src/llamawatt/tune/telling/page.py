"""The page of a search: the answer, what each knob did, the Pareto front, everything tried."""

from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from llamawatt.core.metrics import METRICS
from llamawatt.report.figures.canvas import Canvas
from llamawatt.report.figures.style import BLUE, MUTED, RC, VERMILION
from llamawatt.runs.journal import write_whole
from llamawatt.tune.record import EffectRecord, Tried
from llamawatt.tune.running import Tuned
from llamawatt.tune.telling import told
from llamawatt.tune.telling.handing_over import hand_overs, setting_of

FOLDER, PAGE = "report", "tune.html"
X, Y = "latency_s", "energy_j"
"""Axes of the Pareto plot: what a reply takes, and what it costs."""
COLUMNS = ("j_per_token", "tok_per_s", "latency_s", "ttft_s", "energy_j", "edp_js", "memory_gb")
_TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{ title }}</title><style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
svg { max-width: 100%; height: auto; background: #fdfdfe }
table { border-collapse: collapse; display: block; overflow-x: auto }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #8884 }
th:first-child, td:first-child { text-align: left }
pre { overflow-x: auto; padding: .8rem; border: 1px solid #8884 }
</style></head><body>
<h1>{{ title }}</h1>
{% for line in answer %}<p>{{ line }}</p>{% endfor %}
{% for line in remarks %}<p>{{ line }}</p>{% endfor %}
{% if pareto %}<h2>Time against energy</h2>{{ pareto }}{% endif %}
{% if effects %}<h2>What each knob did</h2>{{ effects }}
<p>Each bar is the change of {{ what }} from the knob's default, all else averaged, with its 95 %
interval.</p>{% endif %}
{% if files %}<h2>Run it elsewhere</h2>{% for each in files %}
<h3>{{ each.program }}</h3><pre>{{ each.text }}</pre>
{% if each.advice %}<p>{{ each.advice }}</p>{% endif %}
{% if each.unmapped %}<p>Does not map: {{ each.unmapped | join(", ") }}.</p>{% endif %}
{% endfor %}{% endif %}
<h2>Everything that was tried</h2>
<table><thead><tr><th>Setting</th><th>Windows</th>{% for head in heads %}<th>{{ head }}</th>
{% endfor %}<th>Remark</th></tr></thead><tbody>
{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table>
<p>Figures are medians over all windows of a setting. Only the pairs of windows that decide are
free of the luck of the search; the answer rests on them alone.</p>
</body></html>
"""


@dataclass(frozen=True, slots=True)
class _Point:
    tried: Tried
    x: float
    y: float


def write_report(tuned: Tuned) -> tuple[Path, ...]:
    """Write the page into the run directory.

    Raises:
        RunDirectoryError: it cannot be written.
    """
    folder = tuned.path / FOLDER
    folder.mkdir(exist_ok=True)
    page = folder / PAGE
    write_whole(page, html(tuned).encode())
    return (page,)


def html(tuned: Tuned) -> str:
    """Return the page; it needs no network."""
    found = tuned.found
    setting = setting_of(tuned)
    remarks = (told.batching(tuned), told.pay_back(found), told.changes_text(found), *found.notes)
    environment = Environment(
        loader=DictLoader({PAGE: _TEMPLATE}), autoescape=True, undefined=StrictUndefined
    )
    program = tuned.record.asked.server or "llama-server"
    return environment.get_template(PAGE).render(
        title=f"Tuning {', '.join(tuned.ready.models)}",
        what=told.what(tuned),
        answer=list(told.headline(tuned)),
        remarks=[each for each in remarks if each],
        pareto=_svg(_pareto(tuned)),
        effects=_svg(_effects(tuned)),
        files=() if setting is None else hand_overs(setting, program),
        heads=[_heading(key) for key in COLUMNS],
        rows=[_row(each) for each in found.tried],
    )


def _heading(key: str) -> str:
    spec = METRICS.get(key)
    return f"{spec.label} ({spec.unit})" if spec else "Memory (GB, planned)"


def _row(each: Tried) -> list[str]:
    cells = [f"{each.values[key]:.4g}" if key in each.values else "–" for key in COLUMNS]
    broken = "" if each.holds else "breaks a requirement"
    remark = each.failure.splitlines()[0] if each.failure else broken
    return [each.name, str(each.n_windows), *cells, remark]


def _svg(canvas: Canvas | None) -> Markup:
    # Our own SVG: labels in it were escaped when they were drawn.
    return Markup(canvas.svg() if canvas else "")  # noqa: S704


def front(points: list[_Point]) -> list[_Point]:
    """Return the points that none other beats in both, by time."""
    best, kept = float("inf"), []
    for point in sorted(points, key=lambda each: (each.x, each.y)):
        if point.y < best:
            best = point.y
            kept.append(point)
    return kept


def _points(tuned: Tuned) -> list[_Point]:
    fit = [each for each in tuned.found.tried if each.holds and {X, Y} <= set(each.values)]
    return [_Point(each, each.values[X], each.values[Y]) for each in fit]


def _pareto(tuned: Tuned) -> Canvas | None:
    points = _points(tuned)
    if len(points) < 2:
        return None
    note = "Each dot is a setting; the line joins those that none beats in both."
    canvas = Canvas("pareto", "A reply's time against its energy", note)
    with mpl.rc_context(RC):
        (axes,) = canvas.panels(height_in=3.0)
        best = front(points)
        axes.plot([p.x for p in best], [p.y for p in best], color=MUTED, zorder=1)
        for point in points:
            wins = point.tried.name == tuned.found.winner_name
            colour = VERMILION if wins else BLUE
            (mark,) = axes.plot(point.x, point.y, "o", color=colour, ms=9 if wins else 5)
            canvas.tip(mark, f"{point.tried.name}: {point.x:.3g} s, {point.y:.3g} J")
        axes.set_xlabel("Latency of a reply (s)")
        axes.set_ylabel("Energy of a reply (J)")
    return canvas


def _effects(tuned: Tuned) -> Canvas | None:
    found = tuned.found.effects
    if not found:
        return None
    note = f"Change of {told.what(tuned)} against the knob's default, with 95 % interval."
    canvas = Canvas("effects", "What each knob did", note)
    with mpl.rc_context(RC):
        (axes,) = canvas.panels(height_in=0.4 + 0.24 * len(found), lefts_in=(2.6,))
        for at, each in enumerate(reversed(found)):
            low, middle, high = (100 * (r - 1) for r in (each.low, each.ratio, each.high))
            axes.plot([low, high], [at, at], color=MUTED)
            axes.plot(middle, at, "o", color=BLUE)
        axes.set_yticks(range(len(found)), [_label(each) for each in reversed(found)])
        axes.axvline(0, color=MUTED, lw=0.8)
        axes.set_xlabel("Change (%)")
    return canvas


def _label(each: EffectRecord) -> str:
    value = "none" if each.value in {"", None} else each.value
    return f"{each.knob}={value}"[:44]
