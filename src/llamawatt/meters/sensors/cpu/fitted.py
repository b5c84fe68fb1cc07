"""The power model that was fitted on this machine: kept in one file, used from then on."""

import hashlib
import json
import math
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

from llamawatt.core.errors import UsageError
from llamawatt.core.readings import Unavailable
from llamawatt.host.atomic_file import whole_file
from llamawatt.host.config_folder import config_folder

FOLDER = "cpu-models"
REMEDY = "Remove it, or make it again with `llamawatt calibrate`."


@dataclass(frozen=True, slots=True)
class FittedCpu:
    """Watts fitted to a reference at several levels of load.

    Attributes:
        cpu: Name of the processor.
        n_threads: Logical CPUs that were online.
        reference: What it was held against, in words.
        made_at: When, UTC, ISO 8601.
        idle_w: Watts with nothing to do.
        span_w: Watts that full load adds.
        idle_factor: Bound of the idle watts, either way.
        span_factor: Bound of the span, either way.
        saturation_exponent: How soon power saturates over busy cores.
        n_levels: Levels of load that it was fitted to.
    """

    cpu: str
    n_threads: int
    reference: str
    made_at: str
    idle_w: float
    span_w: float
    idle_factor: float
    span_factor: float
    saturation_exponent: float
    n_levels: int


def fitted_path(cpu: str, n_threads: int) -> Path:
    """Return the file for a processor of this machine."""
    identity = repr((platform.node(), cpu, n_threads))
    digest = hashlib.sha256(identity.encode()).hexdigest()[:12]
    return config_folder() / FOLDER / f"{digest}.json"


def load_fitted(cpu: str, n_threads: int) -> FittedCpu | Unavailable | None:
    """Read the fit back; None where none was ever made, the reason where it cannot be used."""
    path = fitted_path(cpu, n_threads)
    try:
        fitted = FittedCpu(**json.loads(path.read_text("utf-8")))
        if _is_sound(fitted):
            return fitted
        why = "its watts cannot be"
    except FileNotFoundError:
        return None
    except OSError as error:
        why = error.strerror or str(error)
    except (ValueError, TypeError):
        why = "it holds no fit"
    return Unavailable(f"{path} cannot be used ({why}).", REMEDY)


def save_fitted(fitted: FittedCpu) -> Path:
    """Write a fit; the file is whole at any moment. Returns where it is.

    Raises:
        UsageError: the folder cannot be written.
    """
    path = fitted_path(fitted.cpu, fitted.n_threads)

    def failed(why: str) -> UsageError:
        return UsageError(
            f"The fit could not be kept in {path} ({why}).",
            "Name another folder in LLAMAWATT_CONFIG.",
        )

    with whole_file(path, failed) as part:
        part.write_text(json.dumps(asdict(fitted), indent=1) + "\n", "utf-8")
    return path


def _is_sound(fitted: FittedCpu) -> bool:
    numbers = (fitted.idle_w, fitted.span_w, fitted.saturation_exponent)
    factors = (fitted.idle_factor, fitted.span_factor)
    return (
        all(math.isfinite(number) and number >= 0 for number in numbers)
        and all(1 <= factor < math.inf for factor in factors)
        and 0 < fitted.saturation_exponent <= 2
    )
