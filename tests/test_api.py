"""The public face: lazy names, functions beside rooms of the same name, the code of the page."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import llamawatt
from llamawatt.core.errors import UsageError
from tests.house.tree import ROOT

PAGE = ROOT / "docs" / "how-to" / "python.md"
EXAMPLE = ROOT / "examples" / "h100-batch"
OTHER = ROOT / "examples" / "h100-layers"


def python(code: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_public_name_is_shown_and_there():
    assert set(llamawatt.__all__) <= set(dir(llamawatt))
    for name in llamawatt.__all__:
        assert getattr(llamawatt, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'mesure'"):
        llamawatt.mesure  # noqa: B018


def test_names_are_shown_before_anything_is_loaded():
    code = "import llamawatt, sys; print(dir(llamawatt)); assert 'llamawatt.api' not in sys.modules"
    assert "run_study" in python(code)


@pytest.mark.parametrize("room", ["measure.runner", "report.model"])
def test_functions_outlive_the_rooms_of_their_name(room):
    code = f"""
import llamawatt.{room} as room, llamawatt, inspect
assert inspect.ismodule(room)
assert callable(llamawatt.measure) and callable(llamawatt.report)
with llamawatt.measure() as m:
    pass
print(m.duration_s)
"""
    assert float(python(code)) >= 0


def test_runs_are_read_compared_and_reported(tmp_path):
    run = llamawatt.read_run(str(EXAMPLE))
    assert run.to_arrow().num_rows == len(run.trials)
    comparison = llamawatt.compare(run, EXAMPLE, ["energy_j"])
    assert {row.ratio.metric for row in comparison.rows} == {"energy_j"}
    files = llamawatt.report(run, tmp_path)
    assert files.html.is_file()
    with pytest.raises(UsageError, match="unknown"):
        llamawatt.compare(run, run, ["joules"])


def test_the_code_of_the_page_runs(tmp_path):
    (tmp_path / "RUN").symlink_to(EXAMPLE)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    assert len(blocks) >= 3
    needs_a_server = [block for block in blocks if "run_study(" in block or "bench(" in block]
    for block in blocks:
        compile(block, str(PAGE), "exec")
        if block not in needs_a_server:
            python(block, tmp_path)


@pytest.mark.serial
def test_the_code_of_the_page_that_runs_llama_cpp_runs(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    found = [block for block in blocks if "run_study(" in block]
    assert found
    for block in found:
        python(block, tmp_path)
