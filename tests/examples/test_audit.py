"""The audit beside the examples: their energies from raw traces, by code that is not ours."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SCRIPT = EXAMPLES / "audit" / "rederive.py"
RUNS = sorted(path.parent for path in EXAMPLES.glob("*/trials.jsonl"))


def audit(run):
    return subprocess.run(
        [sys.executable, SCRIPT, run], capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("run", RUNS, ids=lambda path: path.name)
def test_every_energy_of_an_example_comes_out_of_its_raw_traces(run):
    done = audit(run)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 beyond their error" in done.stdout
    assert int(done.stdout.split()[0]) > 20


def test_a_joule_that_was_made_up_is_found(tmp_path):
    run = tmp_path / "run"
    shutil.copytree(RUNS[0], run, ignore=shutil.ignore_patterns("report"))
    lines = (run / "trials.jsonl").read_text().splitlines()
    trial = json.loads(lines[0])
    trial["energy"]["gpu-0"]["energy_j"] *= 1.01
    (run / "trials.jsonl").write_text("\n".join([json.dumps(trial), *lines[1:]]))
    done = audit(run)
    assert done.returncode == 1
    assert "1 beyond their error" in done.stdout


def test_the_audit_knows_nothing_of_this_package():
    names = {
        alias.name.split(".")[0]
        for node in ast.walk(ast.parse(SCRIPT.read_text()))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert "llamawatt" not in SCRIPT.read_text().split('"""')[2]
    assert names <= {"json", "sys", "numpy", "pyarrow"}
    assert len(SCRIPT.read_text().splitlines()) <= 50
