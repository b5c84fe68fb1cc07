"""TP-Link's Kasa and Tapo plugs, through the library python-kasa of the extra `hardware`."""

import asyncio
import importlib.util
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar
from urllib.parse import urlsplit

from llamawatt.core.readings import Unavailable
from llamawatt.core.units import j_from_wh
from llamawatt.meters.sensors.plug_address import SUM, PlugAddress

T = TypeVar("T")
TIMEOUT_S = 10.0
INSTALL = "Install it with `pip install 'llamawatt[hardware]'`."
REMEDY = (
    "Check that the plug answers in TP-Link's app; plugs of 2022 and later want the account, as "
    "--wall kasa://MAIL:PASSWORD@192.0.2.7 with @ in it written as %40"
)


class KasaError(Exception):
    """The library, or the plug behind it, failed."""


class _Loop:
    """A thread that runs the library's coroutines, whichever thread asks."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="kasa", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine and wait for it.

        Raises:
            KasaError: it failed, or took longer than `TIMEOUT_S`.
        """
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(TIMEOUT_S)
        except FutureTimeoutError:
            future.cancel()
            raise KasaError(f"no answer within {TIMEOUT_S:g} s") from None
        except Exception as error:  # the library and what is below it may raise anything
            raise KasaError(type(error).__name__) from error

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(TIMEOUT_S)
        if not self._thread.is_alive():
            self._loop.close()


class KasaPlug:
    """One outlet of a plug or strip, or all of them together.

    Args:
        address: Where it is; a login in it is never shown.
        device: The library's device, connected.
        outlets: The library's devices of each outlet; the device itself where it has one.
        loop: Runs the library.
        channel: Which outlet, or `sum`.
    """

    def __init__(
        self,
        address: PlugAddress,
        device: Any,  # noqa: ANN401  (an extra; types are not there without it)
        outlets: Sequence[Any],
        loop: _Loop,
        channel: str,
    ) -> None:
        self._address = address
        self._device = device
        self._outlets = list(outlets)
        self._loop = loop
        self._channel = channel

    @property
    def kind(self) -> str:
        """Return `kasa`."""
        return "kasa"

    @property
    def address(self) -> str:
        """Return where it is, and which outlet unless it is the only one."""
        one = len(self._outlets) == 1
        return self._address.base if one else self._address.with_channel(self._channel)

    def power_w(self) -> float | Unavailable:
        """Ask for the power at this moment."""
        return self._summed("current_consumption", "power")

    def energy_j(self) -> float | Unavailable:
        """Ask for the energy counted since the plug started, where it counts one."""
        kwh = self._summed("consumption_total", "energy since its start")
        return kwh if isinstance(kwh, Unavailable) else j_from_wh(1000 * kwh)

    def close(self) -> None:
        """Let go of the connection."""
        try:
            self._loop.run(self._device.disconnect())
        except KasaError:
            pass
        finally:
            self._loop.close()

    def _summed(self, field: str, what: str) -> float | Unavailable:
        try:
            self._loop.run(self._device.update())
            chosen = self._outlets if self._channel == SUM else [self._outlets[int(self._channel)]]
            values = [_energy_field(outlet, field) for outlet in chosen]
        except KasaError as error:
            return Unavailable(f"{self.address} does not answer ({error}).", REMEDY)
        if any(value is None for value in values):
            return Unavailable(f"{self.address} tells no {what}.")
        return sum(value for value in values if value is not None)


def open_kasa(address: PlugAddress) -> KasaPlug | Unavailable:
    """Connect to a plug, or say why there is none. Never raises.

    Args:
        address: Where it is.
    """
    if importlib.util.find_spec("kasa") is None:
        return Unavailable(
            "TP-Link plugs are read by python-kasa, which is not installed.", INSTALL
        )
    loop = _Loop()
    try:
        device = loop.run(_connected(address))
    except KasaError as error:
        loop.close()
        return Unavailable(f"{address.base} does not answer as a TP-Link plug ({error}).", REMEDY)
    outlets = [each for each in (device.children or [device]) if _has_energy(each)]
    found = _opened(address, device, outlets, loop)
    if isinstance(found, Unavailable):
        KasaPlug(address, device, outlets, loop, SUM).close()
    return found


def _opened(
    address: PlugAddress,
    device: Any,  # noqa: ANN401
    outlets: Sequence[Any],
    loop: _Loop,
) -> KasaPlug | Unavailable:
    from llamawatt.meters.sensors.plugs import chosen  # noqa: PLC0415  (it imports this module)

    powers_w = {}
    for place, outlet in enumerate(outlets):
        power_w = _energy_field(outlet, "current_consumption")
        if power_w is not None:
            powers_w[str(place)] = power_w
    if not powers_w:
        return Unavailable(f"{address.base} is a {device.model} and meters no power.")
    channel = chosen(address, powers_w)
    if isinstance(channel, Unavailable):
        return channel
    return KasaPlug(address, device, outlets, loop, channel)


async def _connected(address: PlugAddress) -> Any:  # noqa: ANN401
    import kasa  # noqa: PLC0415  (an extra)

    device = await kasa.Discover.discover_single(
        address.host,
        port=urlsplit(address.base).port,
        discovery_timeout=int(TIMEOUT_S / 2),
        username=address.user or None,
        password=address.password.reveal() or None,
    )
    if device is None:
        raise KasaError("nobody is there")
    await device.update()
    return device


def _has_energy(device: Any) -> bool:  # noqa: ANN401
    import kasa  # noqa: PLC0415

    return kasa.Module.Energy in device.modules


def _energy_field(device: Any, field: str) -> float | None:  # noqa: ANN401
    """Return a figure of the library's energy module; None if it has none or one that cannot be."""
    import kasa  # noqa: PLC0415

    try:
        value = getattr(device.modules[kasa.Module.Energy], field)
        return float(value) if value is not None and 0 <= float(value) < float("inf") else None
    except Exception:  # noqa: BLE001  (the library may raise anything for a field it does not have)
        return None
