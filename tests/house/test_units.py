import ast

import pytest

from tests.house.tree import modules
from tests.house.unit_rule import ALLOWED, broken_names, numeric_names


def names(source: str) -> list[str]:
    return [name for _, name in broken_names(ast.parse(source))]


def test_every_physical_name_ends_in_its_unit():
    broken = [f"{m.name}:{line} {name}" for m in modules() for line, name in broken_names(m.tree)]
    assert broken == [], "end these names in their unit: _j _w _s _hz _c _bytes …"


def test_the_allow_list_is_short_and_reasoned():
    assert len(ALLOWED) <= 5
    assert all(len(reason.split()) > 3 for reason in ALLOWED.values())


def test_the_rule_sees_the_names_it_judges():
    seen = [name for module in modules() for name in numeric_names(module.tree)]
    for suffix in ("_j", "_w", "_s", "_bytes"):
        assert sum(name.endswith(suffix) for name in seen) > 10
    assert set(ALLOWED) <= set(seen), "the allow-list names something that is gone"


@pytest.mark.parametrize(
    "source",
    [
        "class R:\n    energy: float",
        "class R:\n    mean_power: float | None = None",
        "class R:\n    latencies: list[float]",
        "class R:\n    idle_by_domain: dict[str, float]",
        "class R:\n    window_min: 'float | None'",
        "class R:\n    clock_max: Annotated[int, Field(gt=0)]",
        "class R:\n    power_watts_total: NDArray[np.float64]",
        "class R:\n    @property\n    def mean_power(self) -> float: ...",
        "def wait(timeout: float): ...",
        "def wait(*, period: float = 1.0): ...",
        "async def wait(duration: int): ...",
        "class R:\n    energy_per_unit: float",
        "def cut(start: float): ...",
        "def cut(file_size: int): ...",
    ],
)
def test_a_quantity_without_its_unit_is_found(source):
    assert len(names(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "class R:\n    energy_j: float",
        "class R:\n    j_per_token: float | None",
        "class R:\n    bandwidth_bytes_per_s: dict[str, float]",
        "class R:\n    power_w: NDArray[np.float64]",
        "class R:\n    n_windows: int",
        "class R:\n    idle_share: float",
        "class R:\n    decode_over_prefill: float",
        "class R:\n    window: Window",
        "class R:\n    on_idle: bool",
        "class R:\n    clock: Callable[[], float]",
        "class R:\n    SIZE: ClassVar[int] = 3",
        "def wait(timeout_s: float): ...",
        "def cut(start: int): ...",
        "def scale(value: float): ...",
    ],
)
def test_a_name_with_its_unit_passes(source):
    assert names(source) == []
