"""Wall plugs, each as a real HTTP server on the loopback."""

from collections.abc import Mapping
from pathlib import Path

from llamawatt.meters.sensors.wall_plug import open_wall
from tests.compatibility.case import Case, Observed, Outcome
from tests.meters import fakeplug as fake
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
    login: str = "",
    note: str = "",
) -> Case:
    """Return the case of a plug that gives these answers by path; no secret may be in its words."""

    def observe(_: Path) -> Observed:
        with plug_server(answers) as server:
            url = server.url.replace("://", f"://{login}@") if login else server.url
            found = observed(f"{url}{query}")
            assert "s3cret" not in found.said
            return found

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
        notes = " ".join(f"{each.note} {each.device}" for each in opened.meter.domains())
        return Observed(Outcome.WORKS, notes, figures)
    finally:
        opened.meter.close()


BOTH = {"wall": 61.5, "wall-counter": 1234.567 * 3600}
ONE = {"wall": 61.5, "wall-counter": 1000.0 * 3600}
WHICH = ("has 2 channels (0 draws 0 W, 1 draws 61.5 W)", "?channel=1")
REFUSED = Outcome.REFUSED
ASK = "name the channel, as `?channel=1`"
LOGIN = "put the login into the URL"
CASES = (
    plug("Shelly Gen2 to Gen4", "a switch with a meter", GEN2, figures=BOTH),
    plug("Shelly Gen2 to Gen4", "two channels (Plus 2PM), none named", fake.GEN2_TWO, REFUSED, said=WHICH, note=ASK),
    plug("Shelly Gen2 to Gen4", "two channels, one named", fake.GEN2_TWO, figures=ONE, query="?channel=1"),
    plug("Shelly Gen2 to Gen4", "two channels, their sum asked for", fake.GEN2_TWO, figures={"wall": 61.5, "wall-counter": 1010.0 * 3600}, query="?channel=sum"),
    plug("Shelly Gen2 to Gen4", "a channel that it does not have", GEN2, REFUSED, query="?channel=3", said=("has no channel 3; it has 0",)),
    plug("Shelly Gen2 to Gen4", "locked (Digest, SHA-256)", fake.locked_by_digest(GEN2), figures=BOTH, login="admin:s3cret"),
    plug("Shelly Gen2 to Gen4", "locked, no login named", fake.locked_by_digest(GEN2), REFUSED, said=("needs a login", "http://USER:PASSWORD@"), note=LOGIN),
    plug("Shelly Gen2 to Gen4", "locked, wrong password", fake.locked_by_digest(GEN2, "other"), REFUSED, login="admin:s3cret", said=("refuses the login",)),
    plug("Shelly PM Mini", "a meter alone", PM1, figures=BOTH),
    plug("Shelly Pro EM, EM Gen3", "two clamps, one named", fake.EM1, figures={"wall": 61.5, "wall-counter": 5.0 * 3600}, query="?channel=1"),
    plug("Shelly Pro EM, EM Gen3", "two clamps, none named", fake.EM1, REFUSED, said=("has 2 channels (0 draws 300 W, 1 draws 61.5 W)",), note=ASK),
    plug("Shelly Pro 3EM, 3EM Gen3", "three phases, one named", fake.PRO_3EM, figures={"wall": 61.5, "wall-counter": 5.0 * 3600}, query="?channel=1"),
    plug("Shelly Pro 3EM, 3EM Gen3", "three phases, their sum asked for", fake.PRO_3EM, figures={"wall": 362.0, "wall-counter": 15.0 * 3600}, query="?channel=sum"),
    plug("Shelly Pro 3EM, 3EM Gen3", "three phases, none named", fake.PRO_3EM, REFUSED, said=("has 3 channels",), note=ASK),
    plug("Shelly Gen1", "a plug", GEN1, figures={"wall": 61.5, "wall-counter": 74074 * 60}),
    plug("Shelly Gen1", "locked (Basic)", fake.locked_by_basic(GEN1), figures={"wall": 61.5, "wall-counter": 74074 * 60}, login="admin:s3cret"),
    plug("Shelly Gen1", "two channels (2.5), none named", fake.GEN1_TWO, REFUSED, said=WHICH, note=ASK),
    plug("Shelly Gen1", "two channels, one named", fake.GEN1_TWO, figures={"wall": 61.5, "wall-counter": 600 * 60.0}, query="?channel=1"),
    plug("Shelly EM, 3EM (Gen1)", "two clamps, one named", fake.GEN1_EM, figures={"wall": 61.5, "wall-counter": 5.0 * 3600}, query="?channel=1"),
    plug("Tasmota", "a plug", TASMOTA, figures={"wall": 61.0, "wall-counter": 1234 * 3600}),
    plug("Tasmota", "two channels, none named", fake.TASMOTA_TWO, REFUSED, said=("0 draws 0 W, 1 draws 61 W", "?channel=1"), note=ASK),
    plug("Tasmota", "two channels, one named", fake.TASMOTA_TWO, figures={"wall": 61.0, "wall-counter": 1234 * 3600}, query="?channel=1"),
    plug("Tasmota", "locked, login in the URL", fake.locked_tasmota(TASMOTA), figures={"wall": 61.0, "wall-counter": 1234 * 3600}, login="admin:s3cret"),
    plug("Tasmota", "locked, login in the query", fake.locked_tasmota(TASMOTA), figures={"wall": 61.0, "wall-counter": 1234 * 3600}, query="?user=admin&password=s3cret"),
    plug("Tasmota", "locked, no login named", fake.locked_tasmota(TASMOTA), REFUSED, said=("needs a login",), note=LOGIN),
    plug("Tasmota", "locked, wrong password", fake.locked_tasmota(TASMOTA, "other"), REFUSED, login="admin:s3cret", said=("refuses the login",)),
    plug("Home Assistant (REST)", "a sensor of power, by its token", fake.hass("61.5"), figures={"wall": 61.5}, query="/api/states/sensor.pc?token=s3cret-token"),
    plug("Home Assistant (REST)", "a sensor in kilowatts", fake.hass("0.0615", "kW"), figures={"wall": 61.5}, query="/api/states/sensor.pc?token=s3cret-token"),
    plug("Home Assistant (REST)", "unavailable", fake.hass("unavailable"), REFUSED, query="/api/states/sensor.pc?token=s3cret-token", said=("'unavailable' as power",)),
    plug("Home Assistant (REST)", "a sensor of something else", fake.hass("21.5", "°C"), REFUSED, query="/api/states/sensor.pc?token=s3cret-token", said=("no sensor of power",)),
    plug("Home Assistant (REST)", "no token named", fake.hass("61.5"), REFUSED, query="/api/states/sensor.pc", said=("needs a login",)),
    plug("Anything else", "a page of a router", {}, REFUSED, said=("answered with status 404", "--wall")),
)  # fmt: skip
