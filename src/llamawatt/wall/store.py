"""Where wall models are kept: one file for each machine and set of domains."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from llamawatt.core.errors import UsageError
from llamawatt.core.machine import WallModel
from llamawatt.core.readings import Domain, Method, Unavailable
from llamawatt.host.atomic_file import whole_file
from llamawatt.host.config_folder import config_folder

FOLDER = "wall-models"
_MODEL = TypeAdapter(WallModel)


def wall_model_path(machine: str, domains: Iterable[Domain]) -> Path:
    """Return the file of the model for a machine, by its key, and the domains summed.

    A domain is the same only where its sensor is: a modelled CPU is none with a counter, nor one
    modelled with other watts.
    """
    parts = [
        (domain.name, domain.method.value, domain.source, domain.device, _watts(domain))
        for domain in sorted((d for d in domains if d.in_total), key=lambda d: d.name)
    ]
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
    return config_folder() / FOLDER / f"{machine}-{digest}.json"


def _watts(domain: Domain) -> str:
    """Return what a modelled domain stands on; who is charged for it makes no other domain."""
    if domain.estimate is not None:
        return f"{domain.estimate.idle_w:.6g} W, {domain.estimate.span_w:.6g} W"
    return domain.note if domain.method is Method.MODEL else ""


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
