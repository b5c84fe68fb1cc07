"""Where wall models are kept: one file for each machine and set of domains."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from platformdirs import user_config_path
from pydantic import TypeAdapter, ValidationError

from llamawatt.core.errors import UsageError
from llamawatt.core.machine import WallModel
from llamawatt.core.readings import Domain, Method, Unavailable
from llamawatt.host.atomic_file import whole_file

FOLDER = "wall-models"
_MODEL = TypeAdapter(WallModel)


def config_folder() -> Path:
    """Return llamawatt's configuration folder; it need not be there.

    LLAMAWATT_CONFIG, else the platform's custom: XDG_CONFIG_HOME, ~/Library/Application Support,
    LOCALAPPDATA.
    """
    named = os.environ.get("LLAMAWATT_CONFIG")
    return Path(named) if named else user_config_path("llamawatt", appauthor=False)


def wall_model_path(hostname_hash: str, domains: Iterable[Domain]) -> Path:
    """Return the file of the model for a machine and the domains summed.

    A domain is the same only where its sensor is: a modelled CPU is none with a counter, nor one
    modelled with other watts.
    """
    parts = []
    for domain in sorted((d for d in domains if d.in_total), key=lambda d: d.name):
        watts = domain.note if domain.method is Method.MODEL else ""
        parts.append((domain.name, domain.method.value, domain.source, domain.device, watts))
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
    return config_folder() / FOLDER / f"{hostname_hash}-{digest}.json"


def save_wall_model(path: Path, model: WallModel) -> None:
    """Write a model; the file is whole at any moment.

    Raises:
        UsageError: the folder cannot be written.
    """

    def failed(why: str) -> UsageError:
        return UsageError(
            f"The wall model could not be kept in {path} ({why}).",
            "Name another folder in LLAMAWATT_CONFIG.",
        )

    with whole_file(path, failed) as part:
        part.write_bytes(_MODEL.dump_json(model, indent=1) + b"\n")


def load_wall_model(path: Path) -> WallModel | Unavailable | None:
    """Read a model back; None where none was ever made, the reason where it cannot be read."""
    try:
        return _MODEL.validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        why = error.strerror or str(error) if isinstance(error, OSError) else "no wall model"
        return Unavailable(
            f"{path} cannot be read ({why}).",
            "Remove it, or make it again with `llamawatt calibrate --wall URL`.",
        )
