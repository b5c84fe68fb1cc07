"""Wall plugs, each as a real HTTP server on the loopback."""

from collections.abc import Mapping
from pathlib import Path

from llamawatt.meters.sensors.wall_plug import open_wall
from tests.compatibility.case import Case, Observed, Outcome
from tests.meters.fakeplug import GEN1, GEN2, PM1, TASMOTA, plug_server

AREA = "Plugs"


def plug(
    system: str,
    given: str,
    answers: Mapping[str, object],
    outcome: Outcome = Outcome.WORKS,
    figures: Mapping[str, float] | None = None,
    *,
    said: tuple[str, ...] = (),
    query: str = "",
    note: str = "",
) -> Case:
    """Return the case of a plug that gives these answers by path."""

    def observe(_: Path) -> Observed:
        with plug_server(answers) as server:
            return observed(f"{server.url}{query}")

    return Case(AREA, system, given, outcome, observe, figures or {}, said, note)


def observed(url: str) -> Observed:
    """Read each domain of a plug once."""
    opened = open_wall(url)
    if opened.meter is None:
        gaps = " ".join(f"{gap.reason} {gap.remedy}" for gap in opened.missing)
        return Observed(Outcome.REFUSED, gaps)
    try:
        figures = {}
        for domain in opened.meter.domains():
            sample = opened.meter.read(domain.name)
            value = sample.power_w if domain.name == "wall" else sample.energy_j
            figures[domain.name] = value
        notes = " ".join(domain.note for domain in opened.meter.domains())
        return Observed(Outcome.WORKS, notes, figures)
    finally:
        opened.meter.close()


BOTH = {"wall": 61.5, "wall-counter": 1234.567 * 3600}
CASES = (
    plug("Shelly Gen2 to Gen4", "a switch with a meter", GEN2, figures=BOTH),
    plug("Shelly PM Mini", "a meter alone", PM1, figures=BOTH),
    plug("Shelly Gen1", "a plug", GEN1, figures={"wall": 61.5, "wall-counter": 74074 * 60}),
    plug("Tasmota", "a plug", TASMOTA, figures={"wall": 61.0, "wall-counter": 1234 * 3600}),
)
