"""What the user has set: in the configuration file, and over it in the environment."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llamawatt.core.errors import UsageError
from llamawatt.core.settings import SETTINGS, Assumptions, Value, assumptions, setting_of
from llamawatt.core.settings import typed_pairs as _typed_pairs
from llamawatt.host.atomic_file import whole_file
from llamawatt.host.config_folder import config_folder

FILE_NAME = "config.toml"
MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """A value that is set, and where.

    Attributes:
        value: The value.
        where: The file with its line, or the environment variable.
    """

    value: Value
    where: str


def config_file() -> Path:
    """Return the path of the configuration file; it need not be there."""
    return config_folder() / FILE_NAME


def settings_found(environment: Mapping[str, str] | None = None) -> dict[str, Found]:
    """Return everything that is set.

    Args:
        environment: The environment; this process's unless given.

    Raises:
        UsageError: the file cannot be read, is no TOML, or sets what is unknown or not possible.
    """
    found = file_settings(config_file())
    variables = os.environ if environment is None else environment
    for setting in SETTINGS.values():
        typed = variables.get(setting.variable, "")
        if typed.strip():
            where = f"environment variable {setting.variable}"
            found[setting.key] = Found(setting.value(typed, where), where)
    return found


def assumed(pairs: list[str] | None = None) -> Assumptions:
    """Return what figures are worked out with: as typed, else as set.

    Args:
        pairs: What was typed, as `price_per_kwh=0.30`.

    Raises:
        UsageError: a value is unknown or not possible.
    """
    known = [key for key, setting in SETTINGS.items() if setting.is_assumption]
    typed = _typed_pairs(pairs or (), "--assume", known)
    values = {key: found.value for key, found in settings_found().items()}
    return assumptions({**values, **typed})


def key_variables() -> dict[str, str]:
    """Return the environment, with the user's own name for the key of a server as if it were ours.

    Raises:
        UsageError: what is set cannot be read.
    """
    variables = dict(os.environ)
    named = settings_found().get("api_key_name")
    if named is not None and variables.get(str(named.value)):
        variables.setdefault("LLAMAWATT_API_KEY", variables[str(named.value)])
    return variables


def file_settings(path: Path) -> dict[str, Found]:
    """Return what a configuration file sets; nothing where there is no file.

    Raises:
        UsageError: as above, with the line.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES).decode("utf-8")
        raw = tomllib.loads(text)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"Could not read {path} ({error.strerror or error}).") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{path} is not valid TOML ({error}).",
            'Write lines as price_per_kwh = 0.30 or wall = "http://…".',
        ) from error
    found = {}
    for key, typed in raw.items():
        where = f"{path}:{_line(text, key)}"
        setting = setting_of(key, where)
        found[key] = Found(setting.value(typed, where), where)
    return found


def save_settings(path: Path, changes: Mapping[str, Value | None]) -> None:
    """Change a configuration file, and leave everything else in it as it is.

    Args:
        path: The file; it is made if it is not there.
        changes: By setting; None takes a setting out.

    Raises:
        UsageError: it could not be written.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    except (OSError, ValueError) as error:
        raise UsageError(f"Could not read {path} ({error}).") from error
    for key, value in changes.items():
        written = [] if value is None else [f"{key} = {_toml(value)}"]
        at = next((i for i, line in enumerate(lines) if _sets(line, key)), len(lines))
        lines[at : at + 1] = written

    def failed(why: str) -> UsageError:
        return UsageError(
            f"Could not write {path} ({why}).", "Name another folder in LLAMAWATT_CONFIG."
        )

    with whole_file(path, failed) as part:
        part.touch(mode=0o600)  # an address may hold a password
        part.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def _sets(line: str, key: str) -> bool:
    return re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line) is not None


def _line(text: str, key: str) -> int:
    """Return the number of the line that names a key."""
    named = re.compile(rf"\s*\[*\s*[\"']?{re.escape(key)}\b")
    return next((n for n, line in enumerate(text.splitlines(), 1) if named.match(line)), 1)


def _toml(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
