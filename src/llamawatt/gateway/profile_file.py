"""Reads what targets cost from a profile: a TOML file with a table for each target."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from llamawatt.core.errors import SpecError
from llamawatt.core.suggest import meant
from llamawatt.gateway.costs import BatchPoint, TargetCosts

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
DEFAULT = "h100-tinyllama"


class BatchTable(BaseModel):
    """What generating costs at some number of streams; see `BatchPoint`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_streams: Annotated[int, Field(ge=1)]
    decode_j_per_token: Positive
    decode_tokens_per_s: Positive


class CostsTable(BaseModel):
    """What a target costs; see `TargetCosts`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prefill_j_per_token: Positive
    prefill_tokens_per_s: Positive
    batch: Annotated[tuple[BatchTable, ...], Field(min_length=1)]
    resident_w: NotNegative = 0.0
    wake_s: NotNegative = 0.0
    wake_j: NotNegative = 0.0
    gpu_share: Annotated[float, Field(ge=0, le=1)] = 0.0

    def costs(self) -> TargetCosts:
        """Return them as the policies take them."""
        points = tuple(
            BatchPoint(each.n_streams, each.decode_j_per_token, each.decode_tokens_per_s)
            for each in sorted(self.batch, key=lambda each: each.n_streams)
        )
        return TargetCosts(
            self.prefill_j_per_token,
            self.prefill_tokens_per_s,
            points,
            self.resident_w,
            self.wake_s,
            self.wake_j,
            self.gpu_share,
        )


class _Profile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    targets: Annotated[dict[str, CostsTable], Field(min_length=1)]


def read_profile(path: Path | None = None) -> Mapping[str, TargetCosts]:
    """Return what each target of a profile costs; those of the profile that comes along for None.

    Raises:
        SpecError: the file cannot be read, or a value of it does not hold.
    """
    try:
        if path is None:
            text = (files("llamawatt.gateway.simulate.profiles") / f"{DEFAULT}.toml").read_text(
                "utf-8"
            )
        else:
            text = path.read_text("utf-8")
        found = _Profile.model_validate(tomllib.loads(text))
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"The profile {path} cannot be read ({error}).") from error
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{path} is no TOML: {error}.") from error
    except ValidationError as error:
        raise _refusal(path, error) from error
    return {name: table.costs() for name, table in found.targets.items()}


def _refusal(path: Path | None, error: ValidationError) -> SpecError:
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    hint = meant(str(first["loc"][-1]), CostsTable.model_fields) if first["loc"] else ""
    return SpecError(f"{path}: {where} does not hold: {first['msg'].lower()}.", hint)
