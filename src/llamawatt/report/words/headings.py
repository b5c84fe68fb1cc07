"""The headings of a report: every figure and every passage stands under one of them."""

from enum import StrEnum


class Section(StrEnum):
    """A heading, in the order of the report."""

    WINNERS = "Who wins what"
    TUNING = "What the settings do"
    WHY = "Why"
    PAPER = "Beside the study this follows"
    TRUST = "How far to trust this"

    @property
    def short(self) -> str:
        """Its name in the navigation."""
        return _SHORT[self]

    @property
    def anchor(self) -> str:
        """Its place in the page."""
        return self.value.lower().replace(" ", "-")


_SHORT = {
    Section.WINNERS: "Who wins",
    Section.TUNING: "Settings",
    Section.WHY: "Why",
    Section.PAPER: "The study",
    Section.TRUST: "Trust",
}
