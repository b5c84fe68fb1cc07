"""Where the gateway's files are, and whether what it needs is installed."""

from pathlib import Path

from platformdirs import user_data_path

from llamawatt.core.errors import UsageError
from llamawatt.host.config_folder import config_folder

CONFIGURATION_FILE = "gateway.toml"
DATABASE_FILE = "gateway.sqlite"


def default_configuration() -> Path:
    """Return where the configuration is looked for when none is named."""
    return config_folder() / CONFIGURATION_FILE


def database_path(named: str = "") -> Path:
    """Return the database: the one named, else the one in the user's data folder."""
    if named:
        return Path(named).expanduser()
    return user_data_path("llamawatt", appauthor=False) / DATABASE_FILE


def require_extra() -> None:
    """Refuse to serve without the libraries that serve.

    Raises:
        UsageError: they are not installed.
    """
    try:
        import aiohttp  # noqa: F401, PLC0415
        import prometheus_client  # noqa: F401, PLC0415
    except ImportError as error:
        raise UsageError(
            f"The gateway needs {error.name}.", "Install it: pip install 'llamawatt[gateway]'"
        ) from error
