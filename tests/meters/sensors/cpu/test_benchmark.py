"""The replay of published measurements, on small tables of the same form."""

import sys

import pytest

from benchmarks import cpu_model

HEAD = "cpu_name,load_type,cores_used,cpu_load,rapl_power,rapl_energy,duration\n"
EPYC = "AMD EPYC 8024P 8-Core Processor"


def table(path, rows):
    path.write_text(HEAD + "".join(f"{EPYC},{row}\n" for row in rows))
    return path


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["cpu_model", *map(str, arguments)])
        code = cpu_model.main()
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def row_of(out, rule, truth="rapl_power"):
    return next(line for line in out.splitlines() if rule in line and truth in line)


def test_it_judges_the_estimate_and_both_rules_against_both_truths(tmp_path, run):
    rows = ("some_cores,8,50,47,0.000417,30", "some_cores,16,100,46,0.000400,30")
    code, out, _ = run(table(tmp_path / "a.csv", rows))
    assert code == 0
    assert "90 W" in out
    assert "8 cores, 16 threads" in out
    assert "100 %" in row_of(out, "llamawatt")
    assert "0.00 %" in row_of(out, "cubic rule")
    assert "100 %" in row_of(out, "llamawatt", "rapl_energy / duration")


def test_threads_of_two_packages_are_rated_twice(tmp_path, run):
    path = tmp_path / "two.csv"
    path.write_text(HEAD + "Intel Xeon E5-2620 v3,all_cores,24,100,105,,\n")
    code, out, _ = run(path)
    assert code == 0
    assert "2 packages of 85 W" in out
    assert "100 %" in row_of(out, "llamawatt")


def test_what_lies_far_off_is_counted_outside(tmp_path, run):
    code, out, _ = run(
        table(tmp_path / "a.csv", ("some_cores,16,100,400,,", "all_cores,16,50,1,,"))
    )
    assert code == 0
    assert "0.00 %" in row_of(out, "llamawatt")


def test_loads_below_the_least_do_not_count(tmp_path, run):
    path = table(tmp_path / "a.csv", ("all_cores,16,10,1,,", "all_cores,16,100,46,,"))
    assert "  1  " in row_of(run(path)[1], "llamawatt")
    assert "  2  " in row_of(run(path, "--min-load", "5")[1], "llamawatt")


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", HEAD, HEAD + f"{EPYC},all_cores,x,1,1,,\n"])
def test_what_is_not_such_a_table_is_said_by_name(tmp_path, run, text):
    path = tmp_path / "wrong.csv"
    path.write_text(text)
    code, out, err = run(path)
    assert (code, out) == (2, "")
    assert "wrong.csv" in err


def test_an_unknown_processor_is_judged_by_its_cores(tmp_path, run):
    path = tmp_path / "a.csv"
    path.write_text(HEAD + "Mystery 9000,some_cores,8,100,30,,\n")
    code, out, _ = run(path, "--cores", "4")
    assert code == 0
    assert "no table knows" in out
