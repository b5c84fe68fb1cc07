"""The address of a plug as a user types it: where it is, which channel, and how to log in."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from llamawatt.core.secrets import SecretUrl

SUM = "sum"
CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class PlugAddress:
    """Where a plug is.

    Attributes:
        url: The whole, shown without its secrets.
        base: Scheme, host, port and path, without login and query.
        channel: The channel named, `sum`, or None.
        user: Who logs in; empty if nobody.
        password: With what; never shown.
        token: A token, as Home Assistant wants it; never shown.
    """

    url: SecretUrl
    base: str
    channel: str | None = None
    user: str = ""
    password: SecretUrl = SecretUrl("")  # noqa: RUF009  (it cannot be changed)
    token: SecretUrl = SecretUrl("")  # noqa: RUF009

    @property
    def scheme(self) -> str:
        """What stands before `://`, small."""
        return self.base.partition("://")[0].lower()

    @property
    def host(self) -> str:
        """The host without its port."""
        return urlsplit(self.base).hostname or ""

    @property
    def has_login(self) -> bool:
        """Whether a user or a password was named."""
        return bool(self.user or self.password.reveal())

    def with_channel(self, channel: str) -> str:
        """Return the address to type for a channel, without secrets."""
        return f"{self.base}?{CHANNEL}={channel}"

    @classmethod
    def of(cls, text: str) -> "PlugAddress":
        """Read an address.

        Raises:
            ValueError: it is none; the message holds no secret.
        """
        try:
            parts = urlsplit(text.strip())
            port = f":{parts.port}" if parts.port is not None else ""
        except ValueError:
            raise ValueError(f"{str(SecretUrl(text))[:40]!r} is no URL.") from None
        host = parts.hostname or ""
        if not parts.scheme or not host:
            raise ValueError(f"{str(SecretUrl(text))[:40]!r} is no URL.")
        query = dict(parse_qsl(parts.query))
        host = f"[{host}]" if ":" in host else host
        return cls(
            url=SecretUrl(text),
            base=f"{parts.scheme}://{host}{port}{parts.path}".rstrip("/"),
            channel=query.get(CHANNEL),
            user=unquote(parts.username or "") or query.get("user", ""),
            password=SecretUrl(unquote(parts.password or "") or query.get("password", "")),
            token=SecretUrl(query.get("token", "")),
        )
