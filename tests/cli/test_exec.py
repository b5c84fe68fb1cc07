"""What `exec` prints of a command's cost."""

import sys

import pytest

from llamawatt.app import measuring as api
from llamawatt.cli import exec_
from llamawatt.core.readings import DomainKind, Method
from tests.app.test_measuring import CPU, GPU, domain, meters


def said(capsys: pytest.CaptureFixture[str], *domains) -> str:
    _, found = meters(*domains)
    exec_._tell(api.run_command([sys.executable, "-c", ""], idle_s=0.0, meters=found))
    return capsys.readouterr().err


def test_several_domains_are_summed(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, CPU, GPU).splitlines()
    assert [line.split()[0] for line in lines if " J" in line or " mJ" in line] == [
        "cpu-package-0",
        "gpu-0",
        "total",
    ]


def test_one_domain_is_its_own_sum(capsys: pytest.CaptureFixture[str]) -> None:
    assert "total" not in said(capsys, CPU)


def test_a_model_shows_no_scatter_beside_its_error(capsys: pytest.CaptureFixture[str]) -> None:
    modelled = domain("cpu-package-0", DomainKind.CPU_PACKAGE, Method.MODEL)
    (line,) = (each for each in said(capsys, modelled).splitlines() if "cpu-package-0" in each)
    assert "(model" in line
    assert "J ±" not in line
    (line,) = (each for each in said(capsys, CPU).splitlines() if "cpu-package-0" in each)
    assert "J ±" in line
