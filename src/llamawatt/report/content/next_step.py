"""What to do after reading a report: one sentence and one command."""

import shlex
from collections.abc import Sequence

from llamawatt.analysis.compare.verdict import Limit
from llamawatt.analysis.estimates.groups import group_names
from llamawatt.analysis.rules.findings import Finding
from llamawatt.core.plan import BASELINE, QUANTIZATION, StudyRecord
from llamawatt.report.content.learnt import doubts
from llamawatt.report.model import Row
from llamawatt.report.words.phrases import counted_text, joined

_KEPT = ("-m", "--model", "--server", "--url", "--remote-model", "--ca-file", "--wall",
         "--cpu-idle-w", "--cpu-max-w")  # fmt: skip
"""Options that say what is measured, and hold for another study too."""
_SWITCHES = {"--quick", "--insecure", "--json", "--measured-only", "--no-report", "-q", "--quiet",
             "--dry-run", "--yes", "--quality", "--no-quality"}  # fmt: skip
_MOST_DISTURBED = 0.1
"""Share of disturbed windows up to which others outweigh them."""
_MOST_REPEATS = 100
"""More are no advice."""
_STUDIES = {
    "concurrency": ("gpu", "See what many requests at once cost"),
    "threads": ("cpu", "Find the best number of CPU threads"),
    "layers": ("gpu", "See whether part of the layers on the GPU pays"),
    "batch": ("", "Find the best prompt batch"),
}
"""By built-in study: the device that it needs, and what it answers."""


def next_step(findings: Sequence[Finding], rows: Sequence[Row], study: StudyRecord) -> str:
    """Return what to do next, with one command.

    Args:
        findings: What the run shows.
        rows: Rows of suite windows.
        study: The study.
    """
    words = _words(study.command)
    if not rows:
        return f"Look at what can be measured here: {_shown(['llamawatt', 'doctor'])}"
    disturbed = dict.fromkeys(str(flag) for row in rows for flag in row.disturbances)
    n = sum(max(row.disturbances.values(), default=0) for row in rows)
    n_all = sum(row.n for row in rows)
    if n > _MOST_DISTURBED * n_all:
        what = joined(flag.replace("_", " ") for flag in disturbed)
        return (
            f"{counted_text(n, 'window')} of {n_all} {'was' if n == 1 else 'were'} disturbed "
            f"({what}): make the machine "
            f"quiet and repeat with {_shown(_again(words))}"
        )
    open_ones = doubts(findings)
    needed = [r.n_repeats_needed for r in open_ones if r.n_repeats_needed is not None]
    if needed and needed[0] <= _MOST_REPEATS:
        n = needed[0]
        return f"About {n} repeats would settle what is open: {_shown(_repeated(words, n))}"
    if any(ratio.limit is Limit.GAIN for ratio in open_ones):
        return f"Only a better sensor can settle the rest: {_shown(['llamawatt', 'doctor'])}"
    return _another(rows, study, words)


def _another(rows: Sequence[Row], study: StudyRecord, words: Sequence[str]) -> str:
    """Suggest a built-in study whose question is still open on these devices."""
    places = {row.device for row in rows}
    done = set(group_names(study))
    for name, (device, why) in _STUDIES.items():
        if name not in done and (not device or device in places):
            return f"{why}: {_shown(_study(name, words))}"
    name = BASELINE if BASELINE not in done else QUANTIZATION
    return f"Compare more: {_shown(_study(name, words))}"


def _study(name: str, words: Sequence[str]) -> list[str]:
    return ["llamawatt", "study", "run", name, *_kept(words)]


def _repeated(words: Sequence[str], n: int) -> list[str]:
    """Return the command with more repeats; `bench` is the study `baseline` with fewer options."""
    more = ["-p", f"repeats_min={n}", "-p", f"repeats_max={n}"]
    if words[1:3] == ["study", "run"] and len(words) > 3:
        return [*_study(words[3], words), *more]
    return [*_study(BASELINE, words), *more]


def _again(words: Sequence[str]) -> list[str]:
    """Return the command without where it wrote to."""
    if len(words) < 2:
        return ["llamawatt", "bench"]
    made, skip = [], False
    for word in words:
        name = word.partition("=")[0]
        if skip or name in {"--out", "--resume"}:
            skip = not skip and "=" not in word
            continue
        made.append(word)
    return made


def _kept(words: Sequence[str]) -> list[str]:
    """Return the options that say what is measured, a positional model of `bench` among them."""
    kept: list[str] = []
    rest = list(words[2:] if words[1:2] == ["bench"] else words[4:])
    while rest:
        word = rest.pop(0)
        name, equals, _ = word.partition("=")
        if not word.startswith("-"):
            kept += ["-m", word]
        elif name in _SWITCHES:
            continue
        else:
            value = [] if equals else rest[:1]
            rest = rest[len(value) :]
            if name in _KEPT:
                kept += [word, *value]
    return kept


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:  # a quote that is not closed: typed by hand in a study file
        return []


def _shown(words: Sequence[str]) -> str:
    return f"`{shlex.join(words)}`"
