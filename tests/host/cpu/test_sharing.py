import pytest

from llamawatt.host.cpu.sharing import read_sharing
from tests.host.cpu.fakeroots import FakeMachine


@pytest.fixture
def machine(tmp_path):
    return FakeMachine(tmp_path)


def look(machine):
    return read_sharing(machine.sysfs, machine.proc)


def test_bare_metal_shares_with_nobody(machine):
    machine.cpuinfo("Intel(R) Core(TM) i5-10400F CPU @ 2.90GHz")
    machine.write(machine.sysfs / "class/dmi/id/sys_vendor", "Amazon EC2")
    assert look(machine).hypervisor == ""
    assert look(machine).quota_cores is None


def test_a_hypervisor_is_told_by_the_processor_and_named_by_the_board(machine):
    machine.cpuinfo("AMD EPYC", flags="fpu hypervisor sse")
    assert look(machine).hypervisor
    machine.write(machine.sysfs / "class/dmi/id/sys_vendor", "QEMU")
    assert look(machine).hypervisor == "QEMU/KVM"


def test_on_arm_the_board_alone_says_so(machine):
    machine.write(machine.proc / "cpuinfo", "Features : fp asimd")
    machine.write(machine.sysfs / "class/dmi/id/sys_vendor", "Amazon EC2")
    assert look(machine).hypervisor == "Amazon EC2"


def test_linux_within_windows_is_known(machine):
    machine.write(machine.proc / "sys/kernel/osrelease", "5.15.153.1-microsoft-standard-WSL2")
    assert look(machine).is_windows_subsystem


@pytest.mark.parametrize(
    ("text", "cores"),
    [("200000 100000", 2.0), ("50000 100000", 0.5), ("max 100000", None), ("", None), ("x y", None),
     ("100000 0", None), ("-1 100000", None)],
)  # fmt: skip
def test_a_containers_limit_is_read(machine, text, cores):
    machine.write(machine.proc / "self/cgroup", "0::/")
    machine.write(machine.sysfs / "fs/cgroup/cpu.max", text)
    assert look(machine).quota_cores == cores


def test_the_tightest_limit_above_holds(machine):
    machine.write(machine.proc / "self/cgroup", "0::/user.slice/app.scope")
    machine.write(machine.sysfs / "fs/cgroup/user.slice/cpu.max", "150000 100000")
    machine.write(machine.sysfs / "fs/cgroup/user.slice/app.scope/cpu.max", "400000 100000")
    assert look(machine).quota_cores == 1.5


def test_the_first_version_of_control_groups_is_read(machine):
    machine.write(machine.proc / "self/cgroup", "3:cpu,cpuacct:/docker/abc")
    folder = machine.sysfs / "fs/cgroup/cpu,cpuacct/docker/abc"
    machine.write(folder / "cpu.cfs_quota_us", 300000)
    machine.write(folder / "cpu.cfs_period_us", 100000)
    assert look(machine).quota_cores == 3.0


def test_without_a_list_of_groups_the_root_is_looked_at(machine):
    machine.write(machine.sysfs / "fs/cgroup/cpu.max", "100000 100000")
    assert look(machine).quota_cores == 1.0
