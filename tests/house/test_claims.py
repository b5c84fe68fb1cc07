"""Every comparison that the README draws from an example has its verdict there.

A sentence that compares is followed, in its paragraph, by a comment
`<!-- claim: EXAMPLE | METRIC | SUITE | ARM | BASELINE | FACTOR -->`: ARM takes at least FACTOR
times what BASELINE takes, beyond doubt.
"""

import re
from functools import cache
from pathlib import Path

import pytest

from llamawatt.analysis.compare.verdict import Verdict
from llamawatt.report.content.source import source_at

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
CLAIM = re.compile(r"<!-- claim: ([^>]*?) -->")
COMPARES = re.compile(
    r"\b(?:more|less|fewer|lower|higher|cheaper|cheapest|dearest|half|quarter|times|twice|cut|cuts"
    r"|faster|slower)\b|\d[\d.]*\s*(?:×|%)|\b\d+x\b"
)


def told_from_examples():
    """Paragraphs of the section about the examples, without tables, code and pictures."""
    section = README[README.index("## What it looks like") : README.index("## Commands")]
    bare = re.sub(r"<!-- results:.*?<!-- end -->", "", section, flags=re.DOTALL)
    return [p for p in bare.split("\n\n") if p.strip() and not p.startswith(("#", "!", "```", "|"))]


@cache
def assessed(example):
    return source_at(ROOT / "examples" / example).assessment


def unbound(paragraphs):
    return [p for p in paragraphs if COMPARES.search(CLAIM.sub("", p)) and not CLAIM.search(p)]


def test_every_comparison_is_bound_to_a_verdict():
    assert unbound(told_from_examples()) == []


@pytest.mark.parametrize("claim", CLAIM.findall(README))
def test_a_claim_has_its_verdict(claim):
    example, metric, suite, arm, baseline, factor = (part.strip() for part in claim.split("|"))
    found = [
        ratio
        for group in assessed(example).groups
        if (ratio := assessed(example).family(group, metric).ratio(suite, arm, baseline))
    ]
    assert found, claim
    assert all(ratio.verdict is Verdict.HIGHER for ratio in found)
    assert all(ratio.low_total >= float(factor) for ratio in found)


def test_a_comparison_without_its_claim_is_found():
    bold = "Sixteen streams cut the joules of a reply by more than five."
    assert unbound([bold]) == [bold]
    assert unbound([bold + " <!-- claim: a | b | c | d | e | 5 -->"]) == []
