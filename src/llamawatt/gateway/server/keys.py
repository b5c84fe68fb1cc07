"""Who may ask: keys by their hash, compared in constant time; and how much at once."""

import hmac
import ipaddress
from collections import Counter
from collections.abc import Mapping, Sequence

from llamawatt.core.errors import UsageError
from llamawatt.gateway.config.tables import KeyTable, ServerTable
from llamawatt.gateway.hashing import hash_of
from llamawatt.gateway.server.errors import ApiError

OPEN = KeyTable(name="anonymous", sha256="0" * 64)
"""Stands for whoever asks where no key is needed."""


def require_safe(server: ServerTable, keys: Sequence[KeyTable]) -> None:
    """Refuse to listen beyond this machine without a key.

    Raises:
        UsageError: it would.
    """
    if keys or is_loopback(server.host):
        return
    raise UsageError(
        f"Listening on {server.host} lets everybody on the network in.",
        "Add a key to the configuration (`llamawatt serve --hash-key` makes its hash), or listen "
        "on 127.0.0.1.",
    )


def is_loopback(host: str) -> bool:
    """Tell whether an address is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Keyring:
    """The keys, and the requests in flight of each.

    Args:
        keys: The keys; none for open doors.
        most: Requests in flight of one key at most.
    """

    def __init__(self, keys: Sequence[KeyTable], most: int) -> None:
        self.keys = tuple(keys)
        self._most = most
        self._flying: Counter[str] = Counter()

    def who(self, headers: Mapping[str, str]) -> KeyTable:
        """Return whose key a request carries.

        Raises:
            ApiError: it carries none, or an unknown one.
        """
        if not self.keys:
            return OPEN
        given = headers.get("Authorization", "")
        scheme, _, token = given.partition(" ")
        key = token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        offered = hash_of(key)
        found = None
        for each in self.keys:  # every one is compared, so that time tells nothing
            if hmac.compare_digest(offered, each.sha256):
                found = each
        if found is None or not key:
            raise ApiError(
                401,
                "The API key is missing or unknown. Send it as `Authorization: Bearer KEY`.",
                "invalid_api_key",
            )
        return found

    def enter(self, key: KeyTable) -> None:
        """Count a request in. Pair it with `leave`.

        Raises:
            ApiError: the key has too many in flight.
        """
        if self._flying[key.name] >= self._most:
            raise ApiError(
                429,
                f"{self._most} requests of this key are in flight already.",
                "rate_limit",
                None,
                1,
            )
        self._flying[key.name] += 1

    def leave(self, key: KeyTable) -> None:
        """Count a request out."""
        self._flying[key.name] -= 1
