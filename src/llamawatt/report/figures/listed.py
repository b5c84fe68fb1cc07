"""The one list of figures, in the order of a report."""

from llamawatt.core.plan import CACHE
from llamawatt.report.content.bits import widths
from llamawatt.report.content.caches import caches
from llamawatt.report.figures import alternatives as say
from llamawatt.report.figures import arms, bits, needs, power, sweeps, why
from llamawatt.report.figures.spec import FigureSpec
from llamawatt.report.model import ReportModel
from llamawatt.report.words.headings import Section
from llamawatt.report.words.phrases import suite_text


def _suite(model: ReportModel) -> str:
    return f"Suite: {suite_text(arms.busiest_suite(model))}."


FIGURES = (
    FigureSpec(
        "energy_vs_latency", Section.WINNERS, "Energy against latency of a reply",
        needs.plain_energy, arms.energy_vs_latency,
        "Each mark is one setting on one suite; dashed lines join equal energy-delay products.",
        say.of_rows("Energy of a reply against its latency", "latency_s", "energy_j"),
    ),
    FigureSpec(
        "metrics_comparison", Section.WINNERS, "Latency and energy by suite",
        needs.plain, arms.metrics_comparison,
        "Bars start at zero; hatched bars rest on a model, wholly or in part.",
        say.of_rows("Bars of latency and energy", "latency_s", "energy_j", "j_per_token"),
    ),
    FigureSpec(
        "edp_ranking", Section.WINNERS, "Energy-delay product",
        needs.two, arms.edp_ranking,
        "Settings from best to worst; joules times seconds, so a slow one must be thrifty to rank.",
        say.of_rows("Energy-delay product of each setting", "edp_js", plain=False),
        _suite,
    ),
    FigureSpec(
        "pareto", Section.WINNERS, "Energy and latency: what nothing beats",
        needs.two, arms.pareto,
        "By their means, no other setting is both faster and cheaper than those on the line.",
        say.of_rows("Energy of a reply against its latency", "latency_s", "energy_j", plain=False),
        _suite,
    ),
    FigureSpec(
        "quantization_pareto", Section.TUNING, "What fewer bits save and cost",
        needs.bit_widths, bits.quantization_pareto,
        "Fewer bits stream fewer bytes; whether that saves joules is measured, not assumed.",
        say.of_lines("Energy per token of each bit width", lambda m: [w.row for w in widths(m)],
                     "j_per_token"),
        lambda model: bits.detail(model, "quantization_pareto"),
    ),
    FigureSpec(
        "cache_pareto", Section.TUNING, "What a smaller cache saves and costs",
        needs.cache_types, bits.cache_pareto,
        "A smaller cache reads fewer bytes, the more the longer the context; joules are measured.",
        say.of_lines("Energy per token of each cache", lambda m: [c.row for c in caches(m)],
                     "j_per_token"),
        lambda model: bits.detail(model, "cache_pareto"),
        group=CACHE,
    ),
    FigureSpec(
        "power_trace", Section.WHY, "Power over time",
        needs.traces, power.power_trace,
        "One window per device; each line is one metered domain, averaged between its knots.",
        say.traces, has_repeats=False,
    ),
    FigureSpec(
        "phase_split", Section.WHY, "Where the joules of a reply go",
        needs.splits, power.phase_split,
        "Idle power times the reply's time, prompt tokens, generated tokens, and what is left.",
        say.splits, has_repeats=False,
    ),
    FigureSpec(
        "roofline", Section.WHY, "Memory traffic beside joules",
        needs.roofs, why.roofline,
        "Weights and KV cache streamed per token times tokens per second, beside joules per token.",
        say.roofs, why.detail,
    ),
)  # fmt: skip
"""Those that every run may have; factors that a study varies bring figures of their own."""


def figures_of(model: ReportModel) -> tuple[FigureSpec, ...]:
    """Return every figure of a run: the listed ones, and one for each factor that it varies."""
    return (*FIGURES, *sweeps.figures(model))
