"""How plugs of several makers are asked for power and energy over HTTP, and what can go wrong.

Shelly Gen2 and later: `Switch.GetStatus` and `PM1.GetStatus` of the RPC interface (`apower` in W,
`aenergy.total` in Wh). Shelly Gen1: `/status` (`meters[0].power` in W, `.total` in watt-minutes).
Tasmota: `Status 8` (`StatusSNS.ENERGY.Power` in W, `.Total` in kWh).
"""

import math
import ssl
from dataclasses import dataclass
from functools import cache

import httpx

from llamawatt.core.readings import Unavailable
from llamawatt.core.redaction import without_secrets
from llamawatt.core.units import J_PER_WH

TIMEOUT_S = 2.0
J_PER_WATT_MINUTE = 60.0
REMEDY = "Give the base URL of a Shelly or Tasmota plug, as --wall http://192.0.2.7"
_SHOWN_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of plug is asked.

    Attributes:
        name: The kind.
        path: What to ask.
        gauge_at: Where in the answer the watts are.
        counter_at: Where in the answer the counter is.
        j_per_count: Joules in one unit of that counter.
        valid_at: Where it says whether it measures at all; None when it never says.
    """

    name: str
    path: str
    gauge_at: tuple[str | int, ...]
    counter_at: tuple[str | int, ...]
    j_per_count: float
    valid_at: tuple[str | int, ...] | None = None


DIALECTS = (
    Dialect(
        "shelly-gen2", "/rpc/Switch.GetStatus?id=0", ("apower",), ("aenergy", "total"), J_PER_WH
    ),
    Dialect("shelly-pm1", "/rpc/PM1.GetStatus?id=0", ("apower",), ("aenergy", "total"), J_PER_WH),
    Dialect(
        "shelly-gen1",
        "/status",
        ("meters", 0, "power"),
        ("meters", 0, "total"),
        J_PER_WATT_MINUTE,
        valid_at=("meters", 0, "is_valid"),
    ),
    Dialect(
        "tasmota",
        "/cm?cmnd=Status%208",
        ("StatusSNS", "ENERGY", "Power"),
        ("StatusSNS", "ENERGY", "Total"),
        1000 * J_PER_WH,
    ),
)


class PlugError(Exception):
    """A plug gave no figure. `is_silent` says that it did not answer at all.

    Args:
        text: What was asked and what came back.
        is_silent: Whether nothing came back.
    """

    def __init__(self, text: str, *, is_silent: bool = False) -> None:
        super().__init__(text)
        self.is_silent = is_silent


class Plug:
    """One plug at one address.

    Args:
        url: Its base URL; a user and password in it are used and never shown.
        dialect: How it is asked.

    Raises:
        httpx.InvalidURL: `url` is none.
    """

    def __init__(self, url: str, dialect: Dialect) -> None:
        self.dialect = dialect
        # No proxy of the environment: the plug is on the user's own network.
        self._http = httpx.Client(
            base_url=url, timeout=TIMEOUT_S, trust_env=False, verify=_certificates()
        )
        self.address = shown(self._http.base_url)

    def power_w(self) -> float | Unavailable:
        """Ask for the power at this moment."""
        return self._asked(self.dialect.gauge_at, "power")

    def energy_j(self) -> float | Unavailable:
        """Ask for the cumulative energy."""
        count = self._asked(self.dialect.counter_at, "energy")
        return count if isinstance(count, Unavailable) else count * self.dialect.j_per_count

    def find(self, place: tuple[str | int, ...], what: str) -> float:
        """Ask, and find a number in the answer.

        Raises:
            PlugError: there is none.
        """
        said = self._said()
        where = ".".join(str(part) for part in place)
        try:
            value = _at(said, place)
            is_valid = self.dialect.valid_at is None or _at(said, self.dialect.valid_at)
        except (KeyError, IndexError, TypeError):
            raise PlugError(f"{self._asked_at} tells no {what} ({where} is missing).") from None
        if not is_valid:
            raise PlugError(f"{self._asked_at} says that its {what} is not valid.")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise PlugError(f"{self._asked_at} tells {_cut(repr(value))} as {what}.")
        if not 0 <= value < math.inf:
            raise PlugError(f"{self._asked_at} tells {value} as {what}, which cannot be.")
        return float(value)

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    @property
    def _asked_at(self) -> str:
        return f"{self.address}{self.dialect.path}"

    def _asked(self, place: tuple[str | int, ...], what: str) -> float | Unavailable:
        try:
            return self.find(place, what)
        except PlugError as error:
            return Unavailable(str(error), REMEDY)

    def _said(self) -> object:
        where = self._asked_at
        try:
            answer = self._http.get(self.dialect.path)
        except httpx.HTTPError as error:
            text = f"{where} does not answer ({type(error).__name__})."
            raise PlugError(text, is_silent=True) from error
        if answer.is_redirect:
            target = _cut(without_secrets(answer.headers.get("location", "nowhere")))
            raise PlugError(f"{where} redirects to {target}, where a plug answers itself.")
        if answer.status_code != httpx.codes.OK:
            raise PlugError(f"{where} answered with status {answer.status_code}.")
        try:
            return answer.json()
        except ValueError:
            kind = answer.headers.get("content-type", "no content type")
            text = f"{where} answered with {kind} that is no JSON: {_cut(answer.text)!r}."
            raise PlugError(text) from None


def find_plug(url: str) -> Plug | Unavailable:
    """Find out what kind of plug answers at a URL. The caller closes it."""
    reasons = []
    for dialect in DIALECTS:
        try:
            plug = Plug(url.rstrip("/"), dialect)
        except httpx.InvalidURL as error:
            return Unavailable(
                f"{_cut(without_secrets(url))!r} is no URL ({without_secrets(str(error))}).", REMEDY
            )
        try:
            plug.find(plug.dialect.gauge_at, "power")
        except PlugError as error:
            plug.close()
            reasons.append(str(error))
            if error.is_silent:
                break
        else:
            return plug
    return Unavailable(" ".join(reasons), REMEDY)


def shown(url: httpx.URL) -> str:
    """Return a URL without the user and password in it."""
    return str(url.copy_with(userinfo=b"")).rstrip("/")


@cache
def _certificates() -> ssl.SSLContext:
    """Return the system's certificates, read once: reading them takes longer than asking a plug."""
    return ssl.create_default_context()


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def _at(value: object, place: tuple[str | int, ...]) -> object:
    """Follow a path into parsed JSON.

    Raises:
        KeyError, IndexError, TypeError: there is no such place.
    """
    for part in place:
        is_key = isinstance(value, dict) and isinstance(part, str)
        is_index = isinstance(value, list) and isinstance(part, int)
        if not (is_key or is_index):
            raise TypeError(part)
        value = value[part]  # type: ignore[index]  # checked in the line above
    return value
