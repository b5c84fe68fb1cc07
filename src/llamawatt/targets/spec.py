"""A target's settings, named as llama.cpp names them, and the flags of llama-server they become."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from llamawatt.core.errors import SpecError
from llamawatt.core.suggest import meant
from llamawatt.core.trials import FactorValue

CacheType = Literal["f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1"]
Positive = Annotated[int, Field(ge=1, strict=True)]
NotNegative = Annotated[int, Field(ge=0, strict=True)]


class TargetSpec(BaseModel):
    """Settings of one llama-server. None leaves llama.cpp's own default.

    Attributes:
        n_threads: Threads for generation.
        n_threads_batch: Threads for prompts.
        n_gpu_layers: Layers on the GPU; one more than the model's blocks takes the output too.
        device: Devices to offload to, as `CUDA0`; `none` opens no GPU at all.
        n_batch: Logical batch, tokens.
        n_ubatch: Physical batch, tokens.
        flash_attn: Flash attention.
        cache_type_k: Type of the KV cache's keys.
        cache_type_v: Type of the KV cache's values.
        n_parallel: Streams served at once.
        n_ctx: Context of all streams together, tokens.
        cpu_mask: Hexadecimal affinity mask.
        poll: How much threads spin while they wait, 0 to 100.
        extra: Further flags of llama-server, verbatim, or one text of them, split as a POSIX
            shell does (a backslash wants quotes). None of those above, nor the model and the
            address: what a record says must be what ran.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_threads: Positive | None = None
    n_threads_batch: Positive | None = None
    n_gpu_layers: NotNegative | None = None
    device: str | None = None
    n_batch: Positive | None = None
    n_ubatch: Positive | None = None
    flash_attn: Literal["on", "off", "auto"] | None = None
    cache_type_k: CacheType | None = None
    cache_type_v: CacheType | None = None
    n_parallel: Positive | None = None
    n_ctx: Positive | None = None
    cpu_mask: Annotated[str, Field(pattern=r"^(0x)?[0-9A-Fa-f]+$")] | None = None
    poll: Annotated[int, Field(ge=0, le=100, strict=True)] | None = None
    extra: tuple[str, ...] = ()

    @field_validator("extra", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        return tuple(shlex.split(given)) if isinstance(given, str) else given

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.device == "none" and self.n_gpu_layers:
            raise ValueError("device=none leaves no GPU for n_gpu_layers")
        for flag in self.extra:
            name = OWN_FLAGS.get(flag.split("=", 1)[0])
            if name is not None:
                raise ValueError(f"{flag} belongs to {name}, which is not set by extra flags")
        return self

    def settings(self) -> dict[str, FactorValue]:
        """Return the settings that are set, as plain values."""
        plain = self.model_dump(exclude_none=True, exclude={"extra"})
        return {**plain, **({"extra": shlex.join(self.extra)} if self.extra else {})}


FLAGS: dict[str, str] = {
    "n_threads": "--threads",
    "n_threads_batch": "--threads-batch",
    "n_gpu_layers": "--n-gpu-layers",
    "device": "--device",
    "n_batch": "--batch-size",
    "n_ubatch": "--ubatch-size",
    "flash_attn": "--flash-attn",
    "cache_type_k": "--cache-type-k",
    "cache_type_v": "--cache-type-v",
    "n_parallel": "--parallel",
    "n_ctx": "--ctx-size",
    "cpu_mask": "--cpu-mask",
    "poll": "--poll",
}
"""Setting → flag of llama-server (its `--help`)."""
OWN_FLAGS: dict[str, str] = {
    **{flag: name for name, flag in FLAGS.items()},
    **{"-t": "n_threads", "-tb": "n_threads_batch", "-ngl": "n_gpu_layers"},
    **{"--gpu-layers": "n_gpu_layers", "-dev": "device", "-b": "n_batch", "-ub": "n_ubatch"},
    **{"-fa": "flash_attn", "-ctk": "cache_type_k", "-ctv": "cache_type_v", "-np": "n_parallel"},
    **{"-c": "n_ctx", "-C": "cpu_mask", "-m": "the model", "--model": "the model"},
    **{"--host": "the address", "--port": "the address"},
}
"""Flag, in every spelling → the setting that it belongs to."""


def make_spec(settings: Mapping[str, object]) -> TargetSpec:
    """Make a specification from plain values.

    Raises:
        SpecError: naming the setting that is unknown or does not hold.
    """
    try:
        return TargetSpec.model_validate(dict(settings))
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        name = str(detail["loc"][0]) if detail["loc"] else ""
        if detail["type"] == "extra_forbidden":
            known = ", ".join(TargetSpec.model_fields)
            raise SpecError(
                f"There is no setting {name!r}.",
                f"{meant(name, TargetSpec.model_fields)}Known are {known}.",
            ) from error
        if not detail["loc"]:
            complaint = detail["msg"].removeprefix("Value error, ")
            raise SpecError(f"The settings do not hold together: {complaint}.") from error
        given = settings.get(name)
        complaint = detail["msg"].removeprefix("Value error, ").lower()
        raise SpecError(f"{name}={given!r} does not hold: {complaint}.") from error


def to_flags(spec: TargetSpec, model_path: Path, host: str, port: int) -> list[str]:
    """Return llama-server's flags, the model and the address included.

    No layers on the GPU means no GPU: without `--device none` a build with CUDA opens it all the
    same, and runs large prompts on it.
    """
    flags = ["--model", str(model_path), "--host", host, "--port", str(port)]
    alone = {"device": "none"} if spec.n_gpu_layers == 0 and spec.device is None else {}
    for name, flag in FLAGS.items():
        value = alone.get(name, getattr(spec, name))
        if value is not None:
            flags += [flag, str(value)]
    return [*flags, *spec.extra]
