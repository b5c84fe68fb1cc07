import ast
import statistics

from tests.house.tree import SOURCE, classes, functions, modules

MEDIAN_LINES = 150
FILE_LINES = 500
FOLDER_FILES = 20
CROWDED_YET = {"targets": 25}
"""Folders still to be parted; they may not grow, and leave this list when they are."""
FUNCTION_LINES = 60
INIT_PARAMETERS = 8

TREE = modules()


def length(function) -> int:
    return function.end_lineno - function.lineno + 1


def n_parameters(function) -> int:
    given = function.args
    return len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs) - 1


def long_functions(tree, limit):
    return [f"{each.name} ({length(each)})" for each in functions(tree) if length(each) > limit]


def wide_constructors(tree, limit):
    return [
        each.name
        for each in classes(tree)
        for node in each.body
        if isinstance(node, ast.FunctionDef)
        and node.name == "__init__"
        and n_parameters(node) > limit
    ]


def test_the_median_file_is_small():
    assert len(TREE) > 50
    assert statistics.median(module.n_lines for module in TREE) <= MEDIAN_LINES


def test_no_file_is_long():
    assert [f"{m.name} ({m.n_lines})" for m in TREE if m.n_lines > FILE_LINES] == []


def test_no_folder_is_crowded():
    folders = {path.parent for path in SOURCE.rglob("*.py")}
    n_files = {str(each.relative_to(SOURCE)): len(list(each.glob("*.py"))) for each in folders}
    assert len(folders) > 20
    limits = {name: CROWDED_YET.get(name, FOLDER_FILES) for name in n_files}
    assert {name: n for name, n in n_files.items() if n > limits[name]} == {}
    assert {name for name in CROWDED_YET if n_files.get(name, 0) <= FOLDER_FILES} == set()


def test_no_function_is_long():
    assert {m.name: f for m in TREE if (f := long_functions(m.tree, FUNCTION_LINES))} == {}


def test_no_constructor_is_wide():
    assert {m.name: c for m in TREE if (c := wide_constructors(m.tree, INIT_PARAMETERS))} == {}


def test_the_budgets_find_what_exceeds_them():
    body = "\n".join("    x = 1" for _ in range(FUNCTION_LINES))
    arguments = ", ".join(f"a{number}" for number in range(INIT_PARAMETERS + 1))
    source = f"def f():\n{body}\nclass C:\n    def __init__(self, {arguments}): ..."
    tree = ast.parse(source)
    assert long_functions(tree, FUNCTION_LINES) == [f"f ({FUNCTION_LINES + 1})"]
    assert wide_constructors(tree, INIT_PARAMETERS) == ["C"]
