"""Long prompts that fit: a cache study asks for no longer context than its models were made for."""

from collections.abc import Iterable

from llamawatt.core.plan import CACHE
from llamawatt.study.spec import GroupSpec, StudySpec
from llamawatt.workloads.shape import parse_shape


def within_context(
    spec: StudySpec, contexts: Iterable[int | None]
) -> tuple[StudySpec, tuple[str, ...]]:
    """Clip the shapes and the context of cache groups to what every model was trained for.

    One workload serves all models, so the shortest context decides.

    Args:
        spec: The study.
        contexts: Context that each model was trained for, tokens; None where it is not known.

    Returns:
        The study, and what was clipped, in words.
    """
    n_most = min((n_ctx for n_ctx in contexts if n_ctx), default=None)
    if n_most is None:
        return spec, ()
    notes: dict[str, None] = {}
    groups = tuple(
        _clipped(group, group.suites or spec.suites, n_most, notes)
        if group.name == CACHE
        else group
        for group in spec.groups
    )
    return spec.model_copy(update={"groups": groups}), tuple(notes)


def _clipped(
    group: GroupSpec, suites: tuple[str, ...], n_most: int, notes: dict[str, None]
) -> GroupSpec:
    changes: dict[str, object] = {"suites": tuple(_shorter(name, n_most) for name in suites)}
    for name in suites:
        short = _shorter(name, n_most)
        if short != name:
            notes[f"{group.name}: {name} clipped to {short}, for a context of {n_most}."] = None
    n_ctx = group.set.get("n_ctx")
    if isinstance(n_ctx, int) and n_ctx > n_most:
        changes["set"] = {**group.set, "n_ctx": n_most}
    return group.model_copy(update=changes)


def _shorter(name: str, n_most: int) -> str:
    shape = parse_shape(name)
    if shape is None or shape.n_prompt + shape.n_generate <= n_most:
        return name
    n_prompt = n_most - shape.n_generate
    return f"pp{n_prompt}+tg{shape.n_generate}" if n_prompt > 0 else name
