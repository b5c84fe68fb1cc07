"""Every case of the compatibility page comes out as the page says."""

import pytest

from tests.compatibility.case import Case, Outcome
from tests.compatibility.registry import CASES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_the_page_says_is_what_happens(case: Case, tmp_path):
    found = case.observe(tmp_path)
    assert found.outcome is case.outcome, found.said
    for words in case.said:
        assert words in found.said
    if case.figures:
        assert dict(found.figures) == pytest.approx(dict(case.figures), rel=1e-6)


def test_no_case_is_listed_twice():
    names = [(case.area, case.name) for case in CASES]
    assert len(set(names)) == len(names) > 0


def test_what_works_states_its_figures_and_what_does_not_its_words():
    silent = [
        case.name
        for case in CASES
        if not (case.said if case.outcome is Outcome.REFUSED else case.figures or case.said)
    ]
    assert silent == []
