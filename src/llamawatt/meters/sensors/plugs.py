"""Plugs of several makers asked over HTTP for power and energy, and what can go wrong."""

import ssl
from collections.abc import Callable, Iterator
from functools import cache
from typing import Protocol

import httpx

from llamawatt.core.format import shortened
from llamawatt.core.readings import Unavailable
from llamawatt.core.redaction import without_secrets
from llamawatt.meters.sensors.plug_address import SUM, PlugAddress
from llamawatt.meters.sensors.plug_dialects import (
    DIALECTS,
    HOME_ASSISTANT,
    HOME_ASSISTANT_PATH,
    MAX_CHANNELS,
    Channel,
    Dialect,
    Place,
    login_query,
)
from llamawatt.meters.sensors.plug_login import PlugLogin

MOST_TOLD = 1e18
"""No plug counts further, in whatever unit: a house of 10 kW would need ten million years."""
TIMEOUT_S = 2.0
REMEDY = (
    "Give the base URL of a Shelly or Tasmota plug, as --wall http://192.0.2.7; of a TP-Link plug, "
    "as --wall kasa://192.0.2.7; or of a sensor of Home Assistant, as "
    "--wall http://HOST:8123/api/states/sensor.NAME?token=TOKEN"
)
LOGIN = "Put its login into the URL, as --wall http://USER:PASSWORD@192.0.2.7"
_SHOWN_CHARACTERS = 40


class Plug(Protocol):
    """One channel of one plug, or the sum of all."""

    @property
    def kind(self) -> str:
        """Which kind of plug it is, as `shelly-gen2`."""

    @property
    def address(self) -> str:
        """Where it is, and which channel, without secrets."""

    def power_w(self) -> float | Unavailable:
        """Ask for the power at this moment."""

    def energy_j(self) -> float | Unavailable:
        """Ask for the cumulative energy."""

    def close(self) -> None:
        """Let go of the connection."""


class PlugError(Exception):
    """A plug gave no figure.

    Args:
        text: What was asked and what came back.
        is_silent: Whether nothing came back.
        remedy: What would help, if it is known better than by `REMEDY`.
    """

    def __init__(self, text: str, *, is_silent: bool = False, remedy: str = REMEDY) -> None:
        super().__init__(text)
        self.is_silent = is_silent
        self.remedy = remedy


class HttpPlug:
    """A plug at one address, asked over HTTP.

    Args:
        address: Where it is; a login in it is used and never shown.
        dialect: How it is asked.
        channel: The channel to read, or `sum`.

    Raises:
        httpx.InvalidURL: the address is none.
    """

    def __init__(self, address: PlugAddress, dialect: Dialect, channel: str = "0") -> None:
        self.dialect = dialect
        self.channel = channel
        self._names = ["0"]
        self._address = address
        login = PlugLogin(address.user, address.password.reveal()) if address.has_login else None
        token = address.token.reveal()
        httpx.URL(address.base)
        # No proxy of the environment: the plug is on the user's own network.
        self._http = httpx.Client(
            timeout=TIMEOUT_S,
            trust_env=False,
            verify=_certificates(),
            auth=login,
            headers={"Authorization": f"Bearer {token}"} if token else None,
        )

    @property
    def kind(self) -> str:
        """Return which kind of plug it is."""
        return self.dialect.name

    @property
    def address(self) -> str:
        """Return where it is, and which channel unless it is the only one."""
        one = self.channel == "0" and len(self._names) == 1
        return self._address.base if one else self._address.with_channel(self.channel)

    def power_w(self) -> float | Unavailable:
        """Ask for the power at this moment; the sum of all channels if that was asked for."""
        return self._guarded(lambda: sum(self._powers_w()))

    def energy_j(self) -> float | Unavailable:
        """Ask for the cumulative energy."""
        return self._guarded(lambda: sum(self._energies_j()))

    def channel_powers_w(self) -> dict[str, float]:
        """Find every channel that the plug has, and return its power.

        Raises:
            PlugError: the first gives none.
        """
        if not self.dialect.by_number:
            path = self._path("0")
            said = self._answer(path)
            names = [each.name for each in self.dialect.channels(said)]
            found = {name: self._power_in(said, name, path) for name in names}
        else:
            found = {"0": self._power_w("0")}
            for number in range(1, MAX_CHANNELS):
                try:
                    found[str(number)] = self._power_w(str(number))
                except PlugError:
                    break
        self._names = list(found)
        return found

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    @property
    def _chosen(self) -> list[str]:
        return self._names if self.channel == SUM else [self.channel]

    def _powers_w(self) -> list[float]:
        """Return the power of each chosen channel, of one answer where it holds them all."""
        if self.dialect.by_number:
            return [self._power_w(name) for name in self._chosen]
        path = self._path("0")
        said = self._answer(path)
        return [self._power_in(said, name, path) for name in self._chosen]

    def _power_w(self, name: str) -> float:
        path = self._path(name)
        return self._power_in(self._answer(path), name, path)

    def _power_in(self, said: dict[str, object], name: str, path: str) -> float:
        channel = self._channel(said, name, path)
        value = self._number(said, channel.gauge_at, channel, "power", path)
        scale = self.dialect.w_per_count(said) if self.dialect.w_per_count is not None else 1.0
        if scale <= 0:
            raise PlugError(f"{self._shown(path)} is no sensor of power in W or kW.")
        return value * scale

    def _energies_j(self) -> Iterator[float]:
        for name in self._chosen:
            path = self._path(name)
            channel = self._channel(self._answer(path), name, path)
            if channel.counter_at is None:
                raise PlugError(f"{self._shown(path)} tells no energy of channel {name}.")
            if self.dialect.counter_path:
                path = self.dialect.counter_path.format(channel=name)
            count = self._number(self._answer(path), channel.counter_at, channel, "energy", path)
            yield count * self.dialect.j_per_count

    def _channel(self, said: dict[str, object], name: str, path: str) -> Channel:
        channels = self.dialect.channels(said)
        if self.dialect.by_number:
            return channels[0]
        found = next((each for each in channels if each.name == name), None)
        if found is None:
            names = ", ".join(each.name for each in channels)
            raise PlugError(
                f"{self._shown(path)} has no channel {name[:20]}; it has {names}.",
                remedy=f"Name one that it has, as --wall {self._address.with_channel('0')}",
            )
        return found

    def _number(self, said: object, place: Place, channel: Channel, what: str, path: str) -> float:
        """Return a number in an answer.

        Raises:
            PlugError: there is none.
        """
        shown = self._shown(path)
        where = ".".join(str(part) for part in place)
        is_new = channel.valid_at is not None and what == "power"
        try:
            value = _at(said, place)
            is_valid = not is_new or channel.valid_at is None or _at(said, channel.valid_at)
        except (KeyError, IndexError, TypeError):
            raise PlugError(f"{shown} tells no {what} ({where} is missing).") from None
        if not is_valid:
            raise PlugError(f"{shown} says that its {what} is not valid.")
        if self.dialect is HOME_ASSISTANT:
            value = _number_in_text(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise PlugError(f"{shown} tells {_cut(repr(value))} as {what}.")
        if not 0 <= value <= MOST_TOLD:
            raise PlugError(f"{shown} tells {_cut(str(value))} as {what}, which cannot be.")
        return float(value)

    def _guarded(self, ask: Callable[[], float]) -> float | Unavailable:
        try:
            return ask()
        except PlugError as error:
            return Unavailable(str(error), error.remedy)

    def _path(self, name: str) -> str:
        path = self.dialect.path.format(channel=name)
        if self.dialect.wants_login and self._address.has_login:
            address = self._address
            path += login_query(address.user or "admin", address.password.reveal())
        return path

    def _shown(self, path: str) -> str:
        return without_secrets(f"{self._address.base}{path}")

    def _answer(self, path: str) -> dict[str, object]:
        shown = self._shown(path)
        answer = self._sent(path, shown)
        if answer.is_redirect:
            target = _cut(without_secrets(answer.headers.get("location", "nowhere")))
            raise PlugError(f"{shown} redirects to {target}, where a plug answers itself.")
        if answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise self._locked(shown, f"status {answer.status_code}")
        if answer.status_code != httpx.codes.OK:
            raise PlugError(f"{shown} answered with status {answer.status_code}.")
        try:
            said = answer.json()
        except (ValueError, RecursionError):
            kind = answer.headers.get("content-type", "no content type")
            text = _cut(without_secrets(answer.text))
            raise PlugError(f"{shown} answered with {kind} that is no JSON: {text!r}.") from None
        if not isinstance(said, dict):
            first = self.dialect.channels({})[0].gauge_at
            where = ".".join(str(part) for part in first)
            raise PlugError(f"{shown} tells no power ({where} is missing).")
        if "Need user=" in str(said.get("WARNING", "")):
            raise self._locked(shown, "“Need user and password”")
        return said

    def _sent(self, path: str, shown: str) -> httpx.Response:
        try:
            return self._http.get(f"{self._address.base}{path}")
        except httpx.HTTPError as error:
            text = f"{shown} does not answer ({type(error).__name__})."
            raise PlugError(text, is_silent=True) from error
        except (ValueError, KeyError) as error:
            # httpx raises these for challenges that it does not understand.
            raise PlugError(f"{shown} asks for a login in an unknown way.") from error

    def _locked(self, shown: str, words: str) -> PlugError:
        if self._address.has_login or self._address.token.reveal():
            return PlugError(f"{shown} refuses the login ({words}).", remedy="Check the login.")
        return PlugError(f"{shown} needs a login ({words}).", remedy=LOGIN)


def find_plug(url: str) -> Plug | Unavailable:
    """Find out what kind of plug answers at a URL, and which channel is meant.

    The caller closes it.
    """
    try:
        address = PlugAddress.of(url)
    except ValueError as error:
        return Unavailable(str(error), REMEDY)
    if address.scheme in {"kasa", "tapo"}:
        from llamawatt.meters.sensors.plug_kasa import open_kasa  # noqa: PLC0415  (an extra)

        return open_kasa(address)
    if HOME_ASSISTANT_PATH in address.base:
        return _tried((HOME_ASSISTANT,), address)
    return _tried(DIALECTS, address)


def chosen(address: PlugAddress, powers_w: dict[str, float]) -> str | Unavailable:
    """Return which channel is meant: the only one, or the one that the user named.

    Args:
        address: The address, with the channel that the user named.
        powers_w: Watts by channel.
    """
    names = list(powers_w)
    if address.channel is not None:
        if address.channel in (*names, SUM):
            return address.channel
        return Unavailable(
            f"{address.base} has no channel {address.channel[:20]}; it has {', '.join(names)}.",
            f"Name one that it has, as --wall {address.with_channel(names[0])}",
        )
    if len(names) == 1:
        return names[0]
    told = ", ".join(f"{name} draws {power_w:g} W" for name, power_w in powers_w.items())
    likely = max(names, key=lambda name: powers_w[name])
    return Unavailable(
        f"{address.base} has {len(names)} channels ({told}), and only one of them may feed this "
        "machine.",
        f"Name it, as --wall {address.with_channel(likely)}, or {SUM} for all together.",
    )


def _tried(dialects: tuple[Dialect, ...], address: PlugAddress) -> Plug | Unavailable:
    reasons: dict[str, None] = {}
    remedy = REMEDY
    for dialect in dialects:
        try:
            plug = HttpPlug(address, dialect)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
            return Unavailable(f"{address.url} is no URL ({without_secrets(str(error))}).", REMEDY)
        try:
            channel = chosen(address, plug.channel_powers_w())
        except PlugError as error:
            plug.close()
            reasons[str(error)] = None
            remedy = error.remedy if error.remedy != REMEDY else remedy
            if error.is_silent:
                break
        else:
            if isinstance(channel, Unavailable):
                plug.close()
                return channel
            plug.channel = channel
            return plug
    return Unavailable(" ".join(reasons), remedy)


def _number_in_text(value: object) -> object:
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


@cache
def _certificates() -> ssl.SSLContext:
    """Return the system's certificates, read once: reading them takes longer than asking a plug."""
    return ssl.create_default_context()


def _cut(text: str) -> str:
    return shortened(text, _SHOWN_CHARACTERS)


def _at(value: object, place: Place) -> object:
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
