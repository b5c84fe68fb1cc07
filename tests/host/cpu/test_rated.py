import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.host.cpu.rated import TABLE, PowerClass, rated_power
from tools.cpu_power import cores_of, entries, written


@pytest.mark.parametrize(
    ("name", "power_w", "power_class"),
    [
        ("AMD EPYC 8024P 8-Core Processor", 90, PowerClass.SERVER),
        ("Intel(R) Xeon(R) CPU E3-1240 V2 @ 3.40GHz", 69, PowerClass.CLIENT),
        ("Intel(R) Xeon(R) CPU E5-2680 0 @ 2.70GHz", 130, PowerClass.SERVER),
        ("AMD Ryzen 9 5950X 16-Core Processor", 105, PowerClass.CLIENT),
        ("AMD Ryzen Threadripper 1950X 16-Core Processor", 180, PowerClass.SERVER),
        ("Intel(R) Core(TM) i5-10400F CPU @ 2.90GHz", 65, PowerClass.CLIENT),
        ("Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz", 45, PowerClass.CLIENT),
        ("AMD A10-7850K Radeon R7, 12 Compute Cores 4C+8G", 95, PowerClass.CLIENT),
        ("AMD Ryzen AI 9 HX 370 w/ Radeon 890M", 28, PowerClass.CLIENT),
    ],
)
def test_names_as_systems_tell_them_are_found(name, power_w, power_class):
    found = rated_power(name, 4)
    assert (found.power_w, found.power_class, found.factor) == (power_w, power_class, 1.0)
    assert "CodeCarbon" in found.source


@pytest.mark.parametrize(
    ("name", "power_w"),
    [
        ("13th Gen Intel(R) Core(TM) i5-13400F", 65),
        ("Intel(R) Core(TM) i9-14900K", 125),
        ("12th Gen Intel(R) Core(TM) i5-1240P", 28),
        ("Intel(R) Xeon(R) Platinum 8999Z", 220),
    ],
)
def test_a_new_name_of_a_known_line_is_told_by_its_letters_and_bounded_wider(name, power_w):
    found = rated_power(name, 4)
    assert found.power_w == power_w
    assert found.factor > 1
    assert "product line" in found.source


@pytest.mark.parametrize(
    "name", ["", "QEMU Virtual CPU version 2.5+", "AMD EPYC-Rome Processor", "Neoverse-N1", "☃\0"]
)
def test_what_no_table_knows_goes_by_its_cores_and_is_bounded_widest(name):
    few, many = rated_power(name, 4), rated_power(name, 8)
    assert many.power_w == 2 * few.power_w > 0
    assert few.factor > rated_power("Intel(R) Core(TM) i9-14900K", 4).factor
    assert "no table" in few.source


@given(st.text(), st.integers(0, 1000))
def test_any_name_has_some_watts(name, n_cores):
    assert rated_power(name, n_cores).power_w > 0


def test_the_table_is_small_and_names_its_source():
    assert TABLE.stat().st_size < 150_000
    assert "MIT" in TABLE.read_text("utf-8")[:600]


def test_the_table_is_made_from_rows_and_leaves_out_what_is_not_clear():
    rows = [
        {"Name": "Intel Xeon E3-1240 v2", "TDP": "69.0"},
        {"Name": "Intel Celeron 1200", "TDP": "29.32.9"},
        {"Name": "1075T", "TDP": "95"},
        {"Name": "A10-7850K", "TDP": "95"},
    ]
    found = entries(rows)
    assert found == {"intel xeon e3-1240 v2": 69.0, "amd a10-7850k": 95.0}
    cores = cores_of([{"cpu_name": "Intel® Xeon® Processor E3-1240 v2", "total_cores": "4"}])
    assert "69\t4\tintel xeon\te3-1240 v2" in written(found, cores)


@pytest.mark.parametrize(
    ("name", "n_cores"),
    [
        ("Intel(R) Xeon(R) CPU E5-2620 v3 @ 2.40GHz", 6),
        ("AMD EPYC 8024P 8-Core Processor", 8),
        ("no such processor", None),
    ],
)
def test_the_table_knows_the_cores_of_a_package_where_the_lists_do(name, n_cores):
    assert rated_power(name, 4).n_cores == n_cores
