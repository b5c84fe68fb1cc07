"""The argument of a run: rules that turn its numbers into findings.

Every rule looks at the numbers and may stay silent. None of them assumes who wins.
"""

from llamawatt.analysis.assess import Assessment
from llamawatt.analysis.rules.arms import paper_claims, races, rankings
from llamawatt.analysis.rules.bits import cache_settings, fewer_bits
from llamawatt.analysis.rules.findings import Finding
from llamawatt.analysis.rules.sweeps import partial_offloads, scalings, streams
from llamawatt.analysis.rules.trust import blind, doubts, gaps, modelled, precision
from llamawatt.analysis.rules.why import bandwidths, phases, residencies

RULES = (
    modelled,
    blind,
    rankings,
    races,
    paper_claims,
    scalings,
    partial_offloads,
    streams,
    fewer_bits,
    cache_settings,
    residencies,
    phases,
    bandwidths,
    gaps,
    precision,
    doubts,
)
"""In the order in which a reader should meet them."""


def argue(assessment: Assessment) -> tuple[Finding, ...]:
    """Return everything that the run shows."""
    return tuple(finding for rule in RULES for finding in rule(assessment))
