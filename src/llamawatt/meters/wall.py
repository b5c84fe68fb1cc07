"""A plug between the machine and the wall, asked over HTTP: Shelly (two generations), Tasmota."""

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from llamawatt.core.clock import Clock, SystemClock
from llamawatt.core.machine import MissingMeter
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity, Sample, Unavailable
from llamawatt.meters.opened import Opened

TIMEOUT_S = 2.0
GAIN_ERROR = 0.02
"""Makers of consumer plugs state 1 % to 2 % of the reading at resistive loads."""
REMEDY = "Name the base URL of a Shelly or Tasmota plug, as http://192.0.2.7."


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of plug is asked.

    Attributes:
        name: The kind.
        path: What to ask.
        power_w: Finds the watts in the answer; raises KeyError, IndexError or TypeError.
    """

    name: str
    path: str
    power_w: Callable[[dict[str, object]], object]


DIALECTS = (
    # Shelly Gen2 and later: RPC over HTTP; `apower` is watts.
    Dialect("shelly-gen2", "/rpc/Switch.GetStatus?id=0", lambda said: said["apower"]),
    # Shelly Gen1: `/status`; `meters[0].power` is watts.
    Dialect("shelly-gen1", "/status", lambda said: _at(said, "meters", 0, "power")),
    # Tasmota: Status 8 is the sensors; `ENERGY.Power` is watts.
    Dialect(
        "tasmota",
        "/cm?cmnd=Status%208",
        lambda said: _at(said, "StatusSNS", "ENERGY", "Power"),
    ),
)


class WallMeter:
    """Momentary power of one plug.

    Plugs count energy too, but in steps of a watt-minute or more: too coarse for a reply.

    Args:
        url: Base URL of the plug.
        dialect: How it is asked.
        clock: The clock.
    """

    def __init__(self, url: str, dialect: Dialect, clock: Clock | None = None) -> None:
        self._http = httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False)
        self._url = url
        self._dialect = dialect
        self._clock = clock or SystemClock()
        self._closed = False
        self._domain = Domain(
            name="wall",
            kind=DomainKind.WALL,
            quantity=Quantity.POWER,
            method=Method.INTEGRAL,
            source=f"wall-{dialect.name}",
            device=url,
            in_total=False,
            gain_error=GAIN_ERROR,
            gain_source="makers' data sheets",
            note="The whole machine at the wall, power supply included.",
        )

    @property
    def name(self) -> str:
        """Return `wall`."""
        return "wall"

    def domains(self) -> tuple[Domain, ...]:
        """Return the one domain."""
        return (self._domain,)

    def read(self, domain: str) -> Sample | Unavailable:
        """Ask the plug; see `Meter.read`."""
        if self._closed:
            raise RuntimeError("the meter is closed")
        if domain != self._domain.name:
            raise KeyError(domain)
        before_s = self._clock.now_s()
        power_w = ask(self._http, self._dialect)
        after_s = self._clock.now_s()
        if isinstance(power_w, Unavailable):
            return power_w
        return Sample((before_s + after_s) / 2, power_w=power_w, read_s=after_s - before_s)

    def close(self) -> None:
        """Let go of the connection."""
        self._closed = True
        self._http.close()


def open_wall(url: str, clock: Clock | None = None) -> Opened:
    """Find out what kind of plug answers at a URL."""
    base = url.rstrip("/")
    reasons = []
    try:
        with httpx.Client(base_url=base, timeout=TIMEOUT_S, trust_env=False) as http:
            for dialect in DIALECTS:
                found = ask(http, dialect)
                if not isinstance(found, Unavailable):
                    return Opened(WallMeter(base, dialect, clock))
                reasons.append(f"{dialect.name}: {found.reason}")
    except httpx.InvalidURL as error:
        reasons.append(f"{url!r} is no URL ({error})")
    return Opened(missing=(MissingMeter("wall", " ".join(reasons), REMEDY),))


def ask(http: httpx.Client, dialect: Dialect) -> float | Unavailable:
    """Return the watts that a plug tells, or what it said instead."""
    where = f"{http.base_url}{dialect.path.lstrip('/')}"
    try:
        answer = http.get(dialect.path)
    except (httpx.HTTPError, httpx.UnsupportedProtocol) as error:
        return Unavailable(f"{where} does not answer ({type(error).__name__}).", REMEDY)
    if answer.status_code != httpx.codes.OK:
        return Unavailable(f"{where} answered with status {answer.status_code}.", REMEDY)
    try:
        said = answer.json()
    except ValueError:
        kind = answer.headers.get("content-type", "no type")
        return Unavailable(f"{where} answered with {kind}, not JSON.", REMEDY)
    try:
        power_w = dialect.power_w(said)
    except (KeyError, IndexError, TypeError):
        return Unavailable(f"{where} tells no power.", REMEDY)
    if isinstance(power_w, bool) or not isinstance(power_w, int | float):
        return Unavailable(f"{where} tells {power_w!r} as power.", REMEDY)
    return float(power_w)


def _at(value: object, *path: str | int) -> object:
    """Follow a path into parsed JSON.

    Raises:
        KeyError, IndexError, TypeError: there is no such place.
    """
    for part in path:
        if not isinstance(value, dict | list):
            raise TypeError(part)
        value = value[part]  # type: ignore[index]  # a str into a list raises TypeError, as told
    return value
