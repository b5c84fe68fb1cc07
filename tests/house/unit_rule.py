"""The rule that a physical name ends in its unit, as a function from source to broken places."""

import ast
from collections.abc import Iterator

from tests.house.tree import Function, classes, functions


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


QUANTITIES = _words("""
    amplitude averaging bandwidth budget clock current decode delay drift duration edp elapsed
    energy frequency idle interval jitter joules lag latency memory now offset pause period phase
    power prefill rate resolution runtime seconds size speed start started temp temperature
    throughput time timeout tpot ttft uncertainty voltage wall watts window
""")
"""Words that name something with a dimension, when the value is a number."""

POSITIONS = _words("offset start")
"""Of these, the ones that are places in a sequence when they are whole numbers."""

UNITS = _words("a bits bytes c hz j js js2 khz mhz mj ms mw ns pt s samples tokens uj v w wh")
"""Last words that say which unit."""

PER = _words("byte flop item n op param period prompt reply request s sample step token w")
"""What may follow `_per_`, as in `j_per_token`."""

DIMENSIONLESS = _words("""
    count error factor fraction index order percent percentile rank ratio relative share
""")
"""Last words that say that there is no unit; so does `_over_`, which names a ratio."""

NUMBERS = frozenset({"float", "int", "NDArray", "ndarray", "Array", "FloatArray", "Floats"})
"""Annotations that hold numbers, alone or inside a container."""

ALLOWED = {
    "periods_min": "a number of sensor periods, not a length of time",
    "uncertainties": "half-widths in whatever unit their values have",
    "slope_uncertainty": "watts per watt, which is no unit",
    "resolution": "joules or watts, as the simulated sensor's quantity says",
}
"""Names that look physical and are not, each with its reason."""

Broken = tuple[int, str]
"""Line and name."""


def broken_names(tree: ast.Module) -> list[Broken]:
    """Return every numeric field, argument or result that names a quantity without its unit."""
    found = _numeric(tree)
    return sorted((line, name) for line, name, note in found if _lacks(name, _is_whole(note)))


def numeric_names(tree: ast.Module) -> list[str]:
    """Return every field, argument and property that holds numbers."""
    return [name for _, name, _ in _numeric(tree)]


def _numeric(tree: ast.Module) -> list[tuple[int, str, ast.expr]]:
    found = [*_fields(tree), *_arguments(tree), *_results(tree)]
    return [each for each in found if _is_number(each[2])]


def _fields(tree: ast.Module) -> Iterator[tuple[int, str, ast.expr]]:
    for each in classes(tree):
        for node in each.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                yield node.lineno, node.target.id, node.annotation


def _arguments(tree: ast.Module) -> Iterator[tuple[int, str, ast.expr]]:
    for function in functions(tree):
        given = function.args
        for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs):
            if argument.annotation is not None:
                yield argument.lineno, argument.arg, argument.annotation


def _results(tree: ast.Module) -> Iterator[tuple[int, str, ast.expr]]:
    for function in functions(tree):
        if function.returns is not None and _is_property(function):
            yield function.lineno, function.name, function.returns


def _is_property(function: Function) -> bool:
    return any(
        (isinstance(each, ast.Name) and each.id in {"property", "cached_property"})
        or (isinstance(each, ast.Attribute) and each.attr == "cached_property")
        for each in function.decorator_list
    )


def _is_number(annotation: ast.expr) -> bool:
    """Whether an annotation holds numbers; what a callable takes or gives does not count."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = ast.parse(annotation.value, mode="eval").body
    if isinstance(annotation, ast.Subscript) and _last_name(annotation.value) in {
        "Callable",
        "Literal",
        "ClassVar",
    }:
        return False
    if _last_name(annotation) in NUMBERS:
        return True
    return any(_is_number(each) for each in ast.iter_child_nodes(annotation) if _is_type(each))


def _is_type(node: ast.AST) -> bool:
    return isinstance(node, ast.expr)


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_whole(annotation: ast.expr) -> bool:
    names = {_last_name(node) for node in ast.walk(annotation) if isinstance(node, ast.expr)}
    return names & NUMBERS == {"int"}


def _lacks(name: str, is_whole: bool) -> bool:
    words = name.strip("_").lower().split("_")
    quantities = QUANTITIES - POSITIONS if is_whole else QUANTITIES
    if not quantities.intersection({*words, *_singular(words)}):
        return False
    if words[0] == "n" or "over" in words or name in ALLOWED:
        return False
    if "per" in words:
        return words[-1] not in PER
    return words[-1] not in UNITS | DIMENSIONLESS


def _singular(words: list[str]) -> set[str]:
    return {word.removesuffix("s") for word in words} | {
        word.removesuffix("ies") + "y" for word in words if word.endswith("ies")
    }
