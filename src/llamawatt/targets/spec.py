"""A target's settings, named as llama.cpp names them: what a server starts with, what is asked."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from llamawatt.core.errors import SpecError
from llamawatt.core.suggest import meant
from llamawatt.core.trials import FactorValue
from llamawatt.targets.guard import FLAG_VARIABLES

CacheType = Literal["f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1"]
Sampler = Literal[
    "penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature"
]
Positive = Annotated[int, Field(ge=1, strict=True)]
NotNegative = Annotated[int, Field(ge=0, strict=True)]
Share = Annotated[float, Field(ge=0, le=1)]


def _word(given: object) -> object:
    """YAML reads a bare `on` as true."""
    return {True: "on", False: "off"}[given] if isinstance(given, bool) else given


def _pairs(given: object) -> object:
    """Take a mapping, or the text that it is recorded as, apart into sorted pairs."""
    if isinstance(given, str):
        words = [word.partition("=") for word in shlex.split(given)]
        if not all(equals for _, equals, _ in words):
            raise ValueError("write it as NAME=VALUE, with blanks between several")
        given = {name: value for name, _, value in words}
    if isinstance(given, Mapping):
        return tuple(sorted((str(name), str(value)) for name, value in given.items()))
    return given


OnOff = BeforeValidator(_word)
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Environment = Annotated[tuple[tuple[Variable, str], ...], BeforeValidator(_pairs)]

REQUEST_SETTINGS = ("samplers", "top_k", "top_p", "min_p")
"""Settings that travel with each request: a server that runs can take another value at once."""


class TargetSpec(BaseModel):
    """Settings of one llama-server, and of what it is asked. None leaves llama.cpp's own default.

    Attributes:
        n_threads: Threads for generation.
        n_threads_batch: Threads for prompts.
        n_threads_http: Threads that serve HTTP.
        n_gpu_layers: Layers on the GPU; one more than the model's blocks takes the output too. With
            0 the GPU stays open and computes long prompts; `device` none closes it.
        n_cpu_moe: Layers whose experts stay on the CPU.
        device: Devices to offload to, as `CUDA0`; `none` opens no GPU at all.
        fit: Whether llama.cpp may change what is not set so that it fits the GPU's memory.
        n_batch: Logical batch, tokens.
        n_ubatch: Physical batch, tokens.
        flash_attn: Flash attention.
        cache_type_k: Type of the KV cache's keys.
        cache_type_v: Type of the KV cache's values.
        kv_unified: Whether all streams share one KV buffer.
        cache_reuse: Shortest piece of a cached prompt that is used again, tokens.
        n_parallel: Streams served at once, by all servers together.
        n_ctx: Context of all streams together, tokens.
        n_servers: Server processes that share the streams evenly.
        cpu_mask: Hexadecimal affinity mask.
        poll: How much threads spin while they wait, 0 to 100. Without effect in builds with OpenMP,
            as the one that comes along: there `env` sets OMP_WAIT_POLICY or GOMP_SPINCOUNT.
        backend_sampling: Whether the device samples, too.
        spec_type: Kind of speculative decoding, as `ngram-simple`.
        env: Environment variables of the server, as a mapping or as `NAME=VALUE NAME=VALUE`.
        samplers: Samplers of a request in order, as a list or as `top_k;temperature`.
        top_k: Most likely tokens that a request samples from.
        top_p: Share of probability that a request samples from.
        min_p: Least probability, relative to the likeliest token, that a request samples from.
        extra: Further flags of llama-server, verbatim, or one text of them, split as a POSIX
            shell does (a backslash wants quotes). None of those above, nor the model and the
            address: what a record says must be what ran.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_threads: Positive | None = None
    n_threads_batch: Positive | None = None
    n_threads_http: Positive | None = None
    n_gpu_layers: NotNegative | None = None
    n_cpu_moe: NotNegative | None = None
    device: str | None = None
    fit: Annotated[Literal["on", "off"] | None, OnOff] = None
    n_batch: Positive | None = None
    n_ubatch: Positive | None = None
    flash_attn: Annotated[Literal["on", "off", "auto"] | None, OnOff] = None
    cache_type_k: CacheType | None = None
    cache_type_v: CacheType | None = None
    kv_unified: bool | None = None
    cache_reuse: NotNegative | None = None
    n_parallel: Positive | None = None
    n_ctx: Positive | None = None
    n_servers: Positive | None = None
    cpu_mask: Annotated[str, Field(pattern=r"^(0x)?[0-9A-Fa-f]+$")] | None = None
    poll: Annotated[int, Field(ge=0, le=100, strict=True)] | None = None
    backend_sampling: bool | None = None
    spec_type: Annotated[str, Field(pattern=r"^[a-z0-9,-]+$")] | None = None
    env: Environment = ()
    samplers: tuple[Sampler, ...] = ()
    top_k: NotNegative | None = None
    top_p: Share | None = None
    min_p: Share | None = None
    extra: tuple[str, ...] = ()

    @field_validator("extra", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        return tuple(shlex.split(given)) if isinstance(given, str) else given

    @field_validator("samplers", mode="before")
    @classmethod
    def _listed(cls, given: object) -> object:
        return tuple(given.split(";")) if isinstance(given, str) else given

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.device == "none" and self.n_gpu_layers:
            raise ValueError("device=none leaves no GPU for n_gpu_layers")
        for flag in self.extra:
            name = OWN_FLAGS.get(flag.split("=", 1)[0])
            if name is not None:
                raise ValueError(f"{flag} belongs to {name}, which is not set by extra flags")
        for name, _ in self.env:
            if name.startswith(FLAG_VARIABLES):
                raise ValueError(f"{name} sets a flag of llama-server; use the setting's own name")
        if (self.n_parallel or 1) % (self.n_servers or 1):
            raise ValueError(
                f"{self.n_parallel or 1} streams cannot be shared evenly by {self.n_servers} "
                "servers (n_parallel must be a multiple of n_servers)"
            )
        return self

    def settings(self) -> dict[str, FactorValue]:
        """Return the settings that are set, as plain values."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            name: plain(name, value) for name, value in given.items() if value not in (None, ())
        }

    def server_settings(self) -> dict[str, FactorValue]:
        """Return what a server is started with: another value wants another server."""
        return {k: v for k, v in self.settings().items() if k not in REQUEST_SETTINGS}

    def request_settings(self) -> dict[str, object]:
        """Return what travels with each request, as llama-server's JSON wants it."""
        given = {name: getattr(self, name) for name in REQUEST_SETTINGS}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in given.items()
            if value not in (None, ())
        }

    def served_as(self, other: "TargetSpec") -> bool:
        """Tell whether one running server serves both: only what is asked differs."""
        return self.server_settings() == other.server_settings()

    def of_each_server(self) -> "TargetSpec":
        """Return the settings of one of the servers that share the streams."""
        n_servers = self.n_servers or 1
        share = {
            name: value // n_servers
            for name in ("n_parallel", "n_ctx")
            if (value := getattr(self, name)) is not None
        }
        return self.model_copy(update={**share, "n_servers": None})


FLAGS: dict[str, str] = {
    "n_threads": "--threads",
    "n_threads_batch": "--threads-batch",
    "n_threads_http": "--threads-http",
    "n_gpu_layers": "--n-gpu-layers",
    "n_cpu_moe": "--n-cpu-moe",
    "device": "--device",
    "fit": "--fit",
    "n_batch": "--batch-size",
    "n_ubatch": "--ubatch-size",
    "flash_attn": "--flash-attn",
    "cache_type_k": "--cache-type-k",
    "cache_type_v": "--cache-type-v",
    "kv_unified": "--kv-unified",
    "cache_reuse": "--cache-reuse",
    "n_parallel": "--parallel",
    "n_ctx": "--ctx-size",
    "cpu_mask": "--cpu-mask",
    "poll": "--poll",
    "backend_sampling": "--backend-sampling",
    "spec_type": "--spec-type",
}
"""Setting → flag of llama-server (its `--help`)."""
NEGATIONS: dict[str, tuple[str, ...]] = {"kv_unified": ("--no-kv-unified",), "backend_sampling": ()}
"""Switch → what turns it off; nothing where off is the only default."""
OWN_FLAGS: dict[str, str] = {
    **{flag: name for name, flag in FLAGS.items()},
    **{"-t": "n_threads", "-tb": "n_threads_batch", "-ngl": "n_gpu_layers"},
    **{"--gpu-layers": "n_gpu_layers", "-dev": "device", "-b": "n_batch", "-ub": "n_ubatch"},
    **{"-fa": "flash_attn", "-ctk": "cache_type_k", "-ctv": "cache_type_v", "-np": "n_parallel"},
    **{"-c": "n_ctx", "-C": "cpu_mask", "-m": "the model", "--model": "the model"},
    **{"-kvu": "kv_unified", "-no-kvu": "kv_unified", "--no-kv-unified": "kv_unified"},
    **{"-ncmoe": "n_cpu_moe", "-fit": "fit", "-bs": "backend_sampling"},
    **{"--host": "the address", "--port": "the address"},
    **{"--api-key": "the key", "--api-key-file": "the key"},
}
"""Flag, in every spelling → the setting that it belongs to."""


def plain(name: str, value: object) -> FactorValue:
    """Return a setting as the plain value that it is recorded as.

    Raises:
        SpecError: a mapping or list stands where none belongs.
    """
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if name == "env" and isinstance(value, Mapping | Sequence):
        pairs = value.items() if isinstance(value, Mapping) else value
        return " ".join(f"{key}={shlex.quote(str(item))}" for key, item in sorted(pairs))
    if isinstance(value, Sequence) and name in ("samplers", "extra"):
        words = [str(word) for word in value]
        return ";".join(words) if name == "samplers" else shlex.join(words)
    raise SpecError(f"{name}={value!r} does not hold: a single value is wanted.")


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
        complaint = detail["msg"].removeprefix("Value error, ")
        raise SpecError(
            f"{name}={given!r} does not hold: {complaint[:1].lower()}{complaint[1:]}."
        ) from error


def to_flags(spec: TargetSpec, model_path: Path, host: str, port: int) -> list[str]:
    """Return the flags of one llama-server, the model and the address included."""
    flags = ["--model", str(model_path), "--host", host, "--port", str(port)]
    for name, flag in FLAGS.items():
        value = getattr(spec, name)
        if name in NEGATIONS and value is not None:
            flags += [flag] if value else NEGATIONS[name]
        elif value is not None:
            flags += [flag, str(value)]
    return [*flags, *spec.extra]
