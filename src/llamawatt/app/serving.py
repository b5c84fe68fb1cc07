"""What serves the model: llama.cpp as it comes with llamawatt, the user's own, or a running one."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from llamawatt.app.settings import key_variables
from llamawatt.core.errors import UsageError
from llamawatt.targets.access import Access, api_key_of, reach
from llamawatt.targets.attach import AttachedServer
from llamawatt.targets.launcher import Program, binary_program, embedded_program


@dataclass(frozen=True, slots=True)
class Serving:
    """What serves: llama.cpp as it comes with llamawatt, the user's own, or a running server.

    Attributes:
        server: Path of the user's llama-server; None for the embedded one.
        url: URL of a running server; None to start one.
        remote_model: Model name to ask a running server for.
        access: What lets us into a running server.
    """

    server: Path | None = None
    url: str | None = None
    remote_model: str = ""
    access: Access = field(default_factory=Access)

    def reached_with(self, api_key: str, ca_file: Path | None, insecure: bool) -> "Serving":
        """Return this with what lets us in; the key is the environment's where none is given.

        Raises:
            UsageError: the configuration file cannot be read.
        """
        key = api_key_of(api_key, self.url, key_variables()) if self.url else api_key
        return replace(self, access=Access(key, ca_file, insecure))

    def require_consistent(self, models: tuple[str, ...] = ()) -> None:
        """Refuse what would silently be left aside.

        Args:
            models: Models that are named by the user.

        Raises:
            UsageError: both a server to start and a running one are named, a model for a server
                that already has its own, or a model's remote name without a running server.
        """
        if self.url and self.server:
            raise UsageError("--server and --url exclude each other.", "Give one of them.")
        if self.url and models:
            raise UsageError(
                f"The server at --url has its own model; {models[0]} is not loaded there.",
                "Choose among several with --remote-model.",
            )
        if self.remote_model and not self.url:
            raise UsageError("--remote-model needs a running server.", "Name it with --url.")
        if self.access != Access() and not self.url:
            raise UsageError(
                "--api-key, --ca-file and --insecure need a running server.", "Name it with --url."
            )

    def running(self) -> AttachedServer:
        """Return the running server.

        Raises:
            UsageError: its URL is none.
        """
        return AttachedServer(self.url or "", self.remote_model, self.access)

    @property
    def kind(self) -> str:
        """Return `embedded`, `binary` or `attach`."""
        if self.url:
            return "attach"
        return "binary" if self.server else "embedded"

    @property
    def described(self) -> str:
        """Return what serves, for the machine record: no folder of the user's is named."""
        where = self.address or (self.server.name if self.server else "xllamacpp")
        return f"{self.kind}: {where}"

    @property
    def address(self) -> str:
        """Return the URL without what is secret in it; empty where a server is started."""
        return reach(self.url)[0] if self.url else ""

    def program(self) -> Program:
        """Return the program to start.

        Raises:
            UsageError: there is no such program.
        """
        return binary_program(self.server) if self.server else embedded_program()
