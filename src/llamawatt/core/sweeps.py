"""Factors of a study, each one value: how its levels are named and placed in a figure.

Any factor has one, also a user's own: those that are not listed are named after themselves.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Scale(StrEnum):
    """How the levels of a factor are placed."""

    NUMBERS = "numbers"
    """In ascending order, joined by lines: more of it can be said to pay or not."""
    NAMES = "names"
    """In the study's order, not joined: levels are ranked instead."""


@dataclass(frozen=True, slots=True)
class SweepSpec:
    """One factor that a study varies.

    Attributes:
        axis: The factor, named as llama.cpp names it.
        label: What its levels are, for an axis.
        scale: How they are placed.
        group: The built-in group of arms that varies it; empty where there is none.
        title: Title of its figure.
        shows: What its figure shows, in one sentence.
        metrics: What is drawn of it.
    """

    axis: str
    label: str
    scale: Scale
    group: str = ""
    title: str = ""
    shows: str = ""
    metrics: tuple[str, ...] = ("latency_s", "energy_j")


SWEEPS = (
    SweepSpec(
        "n_threads", "CPU threads", Scale.NUMBERS, "threads", "What CPU threads do",
        "The dotted line is what latency would be if every thread counted.",
    ),
    SweepSpec(
        "n_gpu_layers", "Layers on the GPU", Scale.NUMBERS, "layers", "What offloading layers does",
        "Layers held by the GPU, from none to all; partial offload may be worse than both ends.",
    ),
    SweepSpec(
        "n_batch", "Prompt batch", Scale.NUMBERS, "batch", "What the prompt batch does",
        "Prompt tokens that are evaluated at once.",
    ),
    SweepSpec(
        "n_parallel", "Parallel streams", Scale.NUMBERS, "concurrency",
        "What parallel streams do",
        "Streams share the weights they stream, so a token costs less while a reply takes longer.",
        ("tok_per_s", "j_per_token", "latency_s"),
    ),
)  # fmt: skip
"""Those that built-in studies vary, in the order of a report."""


def sweep_spec(axis: str, levels: Iterable[object]) -> SweepSpec:
    """Return the listed factor of this name, or one made from its name and levels."""
    listed = next((spec for spec in SWEEPS if spec.axis == axis), None)
    if listed is not None:
        return listed
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in levels)
    name = axis.removeprefix("n_").replace("_", " ")
    return SweepSpec(
        axis,
        name[:1].upper() + name[1:],
        Scale.NUMBERS if numbers else Scale.NAMES,
        title=f"What {axis} does",
        shows=f"Levels of {axis}, with all other factors held.",
    )
