import pytest

from llamawatt.host.cpu.topology import Core, Topology, cpu_list, read_topology
from tests.host.cpu.fakeroots import FakeMachine


@pytest.fixture
def machine(tmp_path):
    return FakeMachine(tmp_path)


def test_threads_of_a_core_are_found_by_their_siblings(machine):
    for number in range(8):
        machine.cpu(number, f"{number % 4},{number % 4 + 4}")
    found = read_topology(machine.sysfs)
    assert [core.threads for core in found.cores] == [(0, 4), (1, 5), (2, 6), (3, 7)]
    assert (found.n_threads, found.n_packages, found.is_told) == (8, 1, True)


def test_two_hundred_logical_cpus_in_two_packages(machine):
    for number in range(200):
        machine.cpu(number, f"{number % 100},{number % 100 + 100}", package=number % 100 // 50)
    found = read_topology(machine.sysfs)
    assert (len(found.cores), found.n_threads, found.n_packages) == (100, 200, 2)


def test_what_is_offline_is_left_out(machine):
    machine.online("0,2-3")
    machine.cpu(0, "0")
    (machine.cpus / "cpu1").mkdir()
    machine.cpu(2, "2-3")
    machine.cpu(3, "2-3")
    found = read_topology(machine.sysfs)
    assert [core.threads for core in found.cores] == [(0,), (2, 3)]


def test_without_a_list_each_cpu_says_whether_it_is_online(machine):
    machine.cpu(0, "0")
    machine.cpu(1, "1", online=0)
    assert read_topology(machine.sysfs).n_threads == 1


def test_intels_efficiency_cores_are_named_by_their_counters(machine):
    machine.cpu(0, "0-1")
    machine.cpu(1, "0-1")
    machine.cpu(2, "2")
    machine.cpu(3, "3")
    machine.write(machine.sysfs / "devices/cpu_atom/cpus", "2-3")
    found = read_topology(machine.sysfs)
    assert [core.is_efficiency for core in found.cores] == [False, True, True]
    assert found.n_efficiency_cores == 2
    assert found.cores[1].power_share < found.cores[0].power_share


@pytest.mark.parametrize(
    ("file", "rates"),
    [("cpu_capacity", (446, 1024)), ("cpufreq/cpuinfo_max_freq", (1800000, 2600000))],
)
def test_little_cores_are_told_by_capacity_or_clock(machine, file, rates):
    for number in range(4):
        machine.cpu(number, f"{number}", **{file: rates[number // 2]})
    assert [core.is_efficiency for core in read_topology(machine.sysfs).cores] == [
        True, True, False, False,
    ]  # fmt: skip


def test_favoured_cores_are_no_efficiency_cores(machine):
    for number, khz in enumerate((5000000, 4900000, 5100000)):
        machine.cpu(number, f"{number}", **{"cpufreq/cpuinfo_max_freq": khz})
    assert read_topology(machine.sysfs).n_efficiency_cores == 0


def test_cores_of_two_dies_with_one_number_are_two(machine):
    for number in range(2):
        folder = machine.cpus / f"cpu{number}/topology"
        machine.write(folder / "core_id", 0)
        machine.write(folder / "die_id", number)
    assert len(read_topology(machine.sysfs).cores) == 2


def test_nothing_told_is_said_to_be_assumed(tmp_path):
    found = read_topology(tmp_path)
    assert not found.is_told
    assert found.n_threads >= 1


def test_a_core_without_threads_cannot_come_from_an_even_topology():
    assert Topology.even(2, 2).cores == (Core((0, 2)), Core((1, 3)))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("0-3,8", (0, 1, 2, 3, 8)), ("", ()), ("a", ()), ("3-", ()), ("0-99999999", ()), ("5", (5,))],
)
def test_lists_of_the_kernel(text, numbers):
    assert cpu_list(text) == numbers
