"""What no tracked file may say: hosts of package registries, paths of one machine, loose ends."""

import re
import subprocess

import pytest

from tests.house.tree import ROOT

FORBIDDEN = {
    "the host of a package registry": r"py"
    + r"pi\.org|pythonh"
    + r"osted|index-"
    + r"url|find-"
    + r"links",
    "a folder of one machine": r"(?<![\w.])/(?:wo"
    + r"rk|op"
    + r"t/(?:py"
    + r"pi|wheels)|ro"
    + r"ot)/",
    "a file that is only on one machine": r"/tm" + r"p/(?:llama-cpu|model|issues|brief)",
    "a loose end": r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b",
}


def tracked() -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def findings(text: str) -> list[str]:
    return [what for what, pattern in FORBIDDEN.items() if re.search(pattern, text)]


def test_no_tracked_file_says_what_it_must_not():
    names = tracked()
    assert "pyproject.toml" in names
    found = {}
    for name in names:
        data = (ROOT / name).read_bytes()
        if b"\0" not in data and (said := findings(data.decode("utf-8"))):
            found[name] = said
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "see https://py" + "pi.org/project",
        "pip install --index-" + "url x",
        "open('/wo" + "rk/main/a')",
        "LD_LIBRARY_PATH=/tm" + "p/llama-cpu",
        "# TO" + "DO later",
    ],
)
def test_each_forbidden_thing_is_found(text):
    assert len(findings(text)) == 1


def test_plain_text_passes():
    assert findings("the work/idle ratio, https://example.org/work/x, sysfs at /sys/class") == []
