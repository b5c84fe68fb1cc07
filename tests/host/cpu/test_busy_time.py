import psutil

from llamawatt.host.cpu.busy_time import busy_by_cpu_s, busy_core_s, tick_s


def test_busy_time_of_this_machine_is_below_its_uptime_and_grows():
    before_s = busy_core_s()
    sum(n * n for n in range(2_000_000))
    after_s = busy_core_s()
    assert before_s <= after_s <= sum(psutil.cpu_times())


def test_each_cpu_goes_by_its_own_number_where_some_are_offline(tmp_path):
    stat = tmp_path / "stat"
    stat.write_text("cpu  9 9 9 9 9 9 9 0 0 0\ncpu0 100 10 20 999 50 3 4 0 0 0\n"
                    "cpu7 200 0 0 0 0 0 0 0 0 0\nintr 12 3\nctxt 5\n")  # fmt: skip
    found = busy_by_cpu_s(stat)
    assert found == {0: 137 * tick_s(), 7: 200 * tick_s()}


def test_other_systems_are_asked_through_psutil(tmp_path):
    found = busy_by_cpu_s(tmp_path / "none")
    assert len(found) == psutil.cpu_count()
    assert all(busy_s >= 0 for busy_s in found.values())
