"""Every figure of the report: what it needs, how it is drawn, what its caption says."""

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace

import matplotlib as mpl

from llamawatt.analysis.estimates.groups import SWEEPS, group_names
from llamawatt.core.plan import CACHE
from llamawatt.report.content.bits import widths
from llamawatt.report.content.caches import caches
from llamawatt.report.figures import arms as draw_arms
from llamawatt.report.figures import bits as draw_bits
from llamawatt.report.figures import power as draw_power
from llamawatt.report.figures import sweeps as draw_sweeps
from llamawatt.report.figures import why as draw_why
from llamawatt.report.figures.canvas import Canvas, png
from llamawatt.report.figures.style import RC
from llamawatt.report.model import FigureEntry, ReportModel, Row
from llamawatt.report.words.phrases import joined, methods_text, suite_text

Draw = Callable[[ReportModel, Canvas], None]
Reason = Callable[[ReportModel], str]
"""Returns why a figure cannot be drawn; empty when it can."""


@dataclass(frozen=True, slots=True)
class Plot:
    """A kind of figure.

    Attributes:
        name: File name without ending.
        title: Title.
        shows: What it shows, in one sentence.
        draw: Draws it.
        why_missing: Says what is missing.
        group: Group of arms without which the figure is not even missed; empty when it always is.
        has_repeats: Whether its marks are means over repeats, with bars.
    """

    name: str
    title: str
    shows: str
    draw: Draw
    why_missing: Reason
    group: str = ""
    has_repeats: bool = True


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawn figure.

    Attributes:
        entry: Its title and caption.
        png: For print and for README files.
        svg: The same as vectors.
        narrow_svg: The same, laid out for a phone.
        tips: By id of a mark: what it says.
    """

    entry: FigureEntry
    png: bytes
    svg: str
    narrow_svg: str
    tips: dict[str, str]


def draw_all(model: ReportModel) -> tuple[ReportModel, tuple[Drawing, ...]]:
    """Draw every figure that the data allow.

    Returns:
        The model with every figure listed, the missing ones with their reason; the drawings.
    """
    entries, drawings = [], []
    groups = {"", *group_names(model.study)}
    with ThreadPoolExecutor(1) as pool:
        for plot in (each for each in PLOTS if each.group in groups):
            reason = plot.why_missing(model)
            if reason:
                entries.append(FigureEntry(plot.name, plot.title, missing=reason))
                continue
            drawing = _draw(plot, model, pool)
            drawings.append(drawing)
            entries.append(drawing.entry)
    return replace(model, figures=tuple(entries)), tuple(drawings)


def _draw(plot: Plot, model: ReportModel, pool: Executor) -> Drawing:
    note = evidence_text(model, has_repeats=plot.has_repeats)
    with mpl.rc_context(RC):
        wide = Canvas(plot.name, plot.title, note)
        plot.draw(model, wide)
        narrow = Canvas(plot.name, plot.title, note, narrow=True)
        plot.draw(model, narrow)
    packed = pool.submit(png, wide.pixels())  # in another thread than the drawing of the vectors
    svg, narrow_svg = wide.svg(), narrow.svg()
    caption = f"{plot.shows} {_detail(plot.name, model)}".strip()
    return Drawing(
        entry=FigureEntry(plot.name, plot.title, caption),
        png=packed.result(),
        svg=svg,
        narrow_svg=narrow_svg,
        tips={**wide.tips, **narrow.tips},
    )


def evidence_text(model: ReportModel, *, has_repeats: bool = True) -> str:
    """Say what the marks rest on: repeats, intervals, method, gain error."""
    rows = model.suite_rows()
    counts = sorted({row.n for row in rows})
    repeats = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"
    marks = f"Means of {repeats} repeats; thick bars 95 % intervals"
    if counts == [1]:
        marks = "One repeat each, so no intervals"
    metered = [row for row in rows if row.methods]
    if not metered:
        return f"{marks}; no energy was measured."
    methods = {method for row in metered for method in row.methods}
    gains = [row.gain for row in metered]
    worst = f"±{max(gains) * 100:.0f} %"
    text = (
        f"{marks}, thin bars with the sensors' gain error (up to {worst}). "
        if has_repeats
        else f"The sensors' gain error is up to {worst}. "
    )
    text += f"Energy: {methods_text(sorted(methods))}, {joined(model.study.boundary)}."
    blind = dict.fromkeys(row.blind_to.upper() for row in rows if row.blind_to)
    if blind:
        text += f" Joules of arms on the {joined(blind)} left out: no meter covers it."
    return text


def _detail(name: str, model: ReportModel) -> str:
    if name in {"edp_ranking", "pareto"}:
        return f"Suite: {suite_text(draw_arms.busiest_suite(model))}."
    return draw_bits.detail(model, name) if name in {"quantization_pareto", "cache_pareto"} else ""


def _needs_energy(rows: tuple[Row, ...], n: int = 1) -> str:
    if not rows:
        return "no trial has finished"
    if sum(row.has("energy_j") for row in rows) < n:
        return "no energy was measured" if n == 1 else "it needs two arms with comparable energy"
    return ""


def _needs_plain(model: ReportModel) -> str:
    return _needs_energy(draw_arms.plain_rows(model))


def _needs_rows(model: ReportModel) -> str:
    return "" if draw_arms.plain_rows(model) else "no trial has finished"


def _needs_two(model: ReportModel) -> str:
    return _needs_energy(model.suite_rows(suite=draw_arms.busiest_suite(model)), 2)


def _needs_sweep(group: str) -> Reason:
    def why(model: ReportModel) -> str:
        if draw_sweeps.lines_of(model, group):
            return ""
        asked = [arm for arm in model.study.arms if group in {arm.group, *arm.also_in}]
        if not asked:
            return f"the study has no {group} arms; run the study `{group}` or `paper`"
        skipped = next((arm for arm in asked if arm.skipped), None)
        if skipped is not None:
            return f"its arms were skipped: {skipped.skipped}"
        return f"fewer than two levels of {SWEEPS[group]} have finished trials"

    return why


def _needs_traces(model: ReportModel) -> str:
    return "" if model.traces else "no trace of an arm was kept"


def _needs_splits(model: ReportModel) -> str:
    if draw_power.shown_splits(model):
        return ""
    reasons = (a.why_not for a in model.attributions if a.why_not)
    return next(reasons, "no arm has phase costs")


def _needs_roofs(model: ReportModel) -> str:
    return "" if model.roofs else "the bytes that the model streams per token are not known"


def _needs_quantization(model: ReportModel) -> str:
    found = widths(model)
    if len({width.model.bits_per_weight for width in found}) < 2:
        return "the study has no quantization arms"
    return _needs_energy(tuple(width.row for width in found))


def _needs_caches(model: ReportModel) -> str:
    return _needs_energy(tuple(level.row for level in caches(model)), 2)


PLOTS = (
    Plot(
        "energy_vs_latency",
        "Energy against latency of a reply",
        "Each mark is one arm on one suite; dashed lines join equal energy-delay products.",
        draw_arms.energy_vs_latency,
        _needs_plain,
    ),
    Plot(
        "metrics_comparison",
        "Latency and energy by suite",
        "Bars start at zero; hatched bars rest on a model, wholly or in part.",
        draw_arms.metrics_comparison,
        _needs_rows,
    ),
    Plot(
        "ablation_threads",
        "What CPU threads do",
        "The dotted line is what latency would be if every thread counted.",
        draw_sweeps.sweep("threads", ("latency_s", "energy_j")),
        _needs_sweep("threads"),
    ),
    Plot(
        "ablation_layers",
        "What offloading layers does",
        "Layers held by the GPU, from none to all; partial offload may be worse than both ends.",
        draw_sweeps.sweep("layers", ("latency_s", "energy_j")),
        _needs_sweep("layers"),
    ),
    Plot(
        "ablation_batch",
        "What the prompt batch does",
        "Prompt tokens that are evaluated at once.",
        draw_sweeps.sweep("batch", ("latency_s", "energy_j")),
        _needs_sweep("batch"),
    ),
    Plot(
        "power_trace",
        "Power over time",
        "One window per device; each line is one metered domain, averaged between its knots.",
        draw_power.power_trace,
        _needs_traces,
        has_repeats=False,
    ),
    Plot(
        "ablation_concurrency",
        "What parallel streams do",
        "Streams share the weights they stream, so a token costs less while a reply takes longer.",
        draw_sweeps.sweep("concurrency", ("tok_per_s", "j_per_token", "latency_s")),
        _needs_sweep("concurrency"),
    ),
    Plot(
        "edp_ranking",
        "Energy-delay product",
        "Arms from best to worst; joules times seconds, so a slow arm must be thrifty to rank.",
        draw_arms.edp_ranking,
        _needs_two,
    ),
    Plot(
        "pareto",
        "Energy and latency: what nothing beats",
        "By their means, arms on the line are beaten by no other on both counts at once.",
        draw_arms.pareto,
        _needs_two,
    ),
    Plot(
        "phase_split",
        "Where the joules of a reply go",
        "Idle power times the reply's time, prompt tokens, generated tokens, and what is left.",
        draw_power.phase_split,
        _needs_splits,
        has_repeats=False,
    ),
    Plot(
        "roofline",
        "Memory traffic beside joules",
        "Weights and KV cache streamed per token times tokens per second, beside joules per token.",
        draw_why.roofline,
        _needs_roofs,
    ),
    Plot(
        "quantization_pareto",
        "What fewer bits save and cost",
        "Fewer bits stream fewer bytes; whether that saves joules is measured, not assumed.",
        draw_bits.quantization_pareto,
        _needs_quantization,
    ),
    Plot(
        "cache_pareto",
        "What a smaller cache saves and costs",
        "A smaller cache reads fewer bytes, the more the longer the context; joules are measured.",
        draw_bits.cache_pareto,
        _needs_caches,
        group=CACHE,
    ),
)
"""In the order of the report."""
