"""What each kind of plug is asked over HTTP, and where the figures of its channels are.

Shelly Gen2 to Gen4 answer JSON-RPC over HTTP, one call for each component and channel: `Switch`,
`PM1`, `EM1` (one phase a channel) and `EM` (three phases in one answer). Shelly Gen1 answers
`/status`, with `meters` (energy in watt-minutes) or `emeters` (watt-hours). Tasmota answers
`Status 8`, with a list of powers where it has several channels. Home Assistant gives the state of
one sensor. Described at shelly-api-docs.shelly.cloud, tasmota.github.io/docs and
developers.home-assistant.io.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from llamawatt.core.units import J_PER_WH

J_PER_WATT_MINUTE = 60.0
PHASES = ("a", "b", "c")
MAX_CHANNELS = 4
Answer = Mapping[str, object]
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Channel:
    """Where the figures of one channel are in an answer.

    Attributes:
        name: What a user calls it, as `1`.
        gauge_at: Where the watts are.
        counter_at: Where the counter is; None where the channel has none in this answer.
        valid_at: Where it says whether it measures at all; None where it never says.
    """

    name: str
    gauge_at: Place
    counter_at: Place | None = None
    valid_at: Place | None = None


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of plug is asked.

    Attributes:
        name: The kind.
        path: What to ask; `{channel}` stands for the number of a channel that is asked by itself.
        channels: Finds the channels in an answer.
        j_per_count: Joules in one unit of the counter.
        counter_path: What to ask for the counter, where it is not in the same answer.
        w_per_count: Tells the watts in one unit of the power, by the answer.
        wants_login: Whether user and password go into the query.
    """

    name: str
    path: str
    channels: Callable[[Answer], list[Channel]]
    j_per_count: float = J_PER_WH
    counter_path: str = ""
    w_per_count: Callable[[Answer], float] | None = None
    wants_login: bool = False

    @property
    def by_number(self) -> bool:
        """Whether each channel is asked by itself."""
        return "{channel}" in self.path


def _one(gauge: Place, counter: Place | None) -> Callable[[Answer], list[Channel]]:
    return lambda _: [Channel("0", gauge, counter)]


def _phases(answer: Answer) -> list[Channel]:
    """Return the phases of a three-phase meter."""
    found = [
        Channel(str(place), (f"{phase}_act_power",), (f"{phase}_total_act_energy",))
        for place, phase in enumerate(PHASES)
        if answer.get(f"{phase}_act_power") is not None
    ]
    return found or [Channel("0", ("total_act_power",), ("total_act",))]


def _gen1_meters(answer: Answer) -> list[Channel]:
    return _listed("meters", answer)


def _gen1_emeters(answer: Answer) -> list[Channel]:
    return _listed("emeters", answer)


def _listed(key: str, answer: Answer) -> list[Channel]:
    meters = answer.get(key)
    n_meters = len(meters) if isinstance(meters, list) and meters else 1
    has_word = isinstance(meters, list) and all(
        isinstance(meter, dict) and "is_valid" in meter for meter in meters
    )
    return [
        Channel(
            str(place),
            (key, place, "power"),
            (key, place, "total"),
            (key, place, "is_valid") if has_word else None,
        )
        for place in range(n_meters)
    ]


def _tasmota(answer: Answer) -> list[Channel]:
    """Return the channels of Tasmota: its powers are a list where there are several."""
    sensors = answer.get("StatusSNS")
    energy = sensors.get("ENERGY") if isinstance(sensors, dict) else None
    power = energy.get("Power") if isinstance(energy, dict) else None
    total = energy.get("Total") if isinstance(energy, dict) else None
    place: Place = ("StatusSNS", "ENERGY")
    if not isinstance(power, list):
        return [Channel("0", (*place, "Power"), (*place, "Total"))]
    is_listed = isinstance(total, list) and len(total) == len(power)
    return [
        Channel(str(n), (*place, "Power", n), (*place, "Total", n) if is_listed else None)
        for n in range(len(power))
    ]


def _hass_w(answer: Answer) -> float:
    """Return the watts in one unit of a sensor of Home Assistant; 0 for what is no power."""
    attributes = answer.get("attributes")
    unit = attributes.get("unit_of_measurement") if isinstance(attributes, dict) else None
    return {"W": 1.0, "kW": 1000.0, "mW": 1e-3}.get(str(unit), 0.0)


DIALECTS = (
    Dialect(
        "shelly-gen2",
        "/rpc/Switch.GetStatus?id={channel}",
        _one(("apower",), ("aenergy", "total")),
    ),
    Dialect(
        "shelly-pm1", "/rpc/PM1.GetStatus?id={channel}", _one(("apower",), ("aenergy", "total"))
    ),
    Dialect(
        "shelly-em1",
        "/rpc/EM1.GetStatus?id={channel}",
        _one(("act_power",), ("total_act_energy",)),
        counter_path="/rpc/EM1Data.GetStatus?id={channel}",
    ),
    Dialect(
        "shelly-em",
        "/rpc/EM.GetStatus?id=0",
        _phases,
        counter_path="/rpc/EMData.GetStatus?id=0",
    ),
    Dialect("shelly-gen1-em", "/status", _gen1_emeters),
    Dialect("shelly-gen1", "/status", _gen1_meters, J_PER_WATT_MINUTE),
    Dialect("tasmota", "/cm?cmnd=Status%208", _tasmota, 1000 * J_PER_WH, wants_login=True),
)
"""Every kind that is found out by asking, in the order of asking."""

HOME_ASSISTANT = Dialect("home-assistant", "", _one(("state",), None), w_per_count=_hass_w)
HOME_ASSISTANT_PATH = "/api/states/"


def login_query(user: str, password: str) -> str:
    """Return what Tasmota wants in the query of a locked plug."""
    return f"&user={quote(user, safe='')}&password={quote(password, safe='')}"
