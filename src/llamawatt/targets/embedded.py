"""llama.cpp without a llama-server binary: `python -m llamawatt.targets.embedded FLAGS`.

Takes llama-server's own flags and serves with xllamacpp, so that the launcher starts either alike.
"""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

from llamawatt.targets.guard import GPU_VISIBILITY, KEY_VARIABLE

SWITCHES: dict[str, tuple[str, bool]] = {
    "warmup": ("--no-warmup", False),
    "ui": ("--no-ui --no-webui", False),
    "no_kv_offload": ("-nkvo --no-kv-offload", True),
    "no_extra_bufts": ("-nr --no-repack", True),
    "cont_batching": ("-nocb --no-cont-batching", False),
    "no_op_offload": ("--no-op-offload", True),
    "swa_full": ("--swa-full", True),
    "endpoint_metrics": ("--metrics", True),
}
"""Parameter of llama.cpp → llama-server's switch in all spellings, and what it sets."""


class _Flags(argparse.ArgumentParser):
    """Says what is wrong in one line: the usage would fill the last lines of a log."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: the llama.cpp that comes with llamawatt: {message}\n")


def parser() -> argparse.ArgumentParser:
    """Return a parser for the flags of llama-server that llamawatt sends."""
    flags = _Flags(prog="llamawatt-embedded", allow_abbrev=False)
    flags.add_argument("-m", "--model", required=True)
    flags.add_argument("--host", default="127.0.0.1")
    flags.add_argument("--port", type=int, default=8080)
    flags.add_argument("-t", "--threads", type=int, default=-1)
    flags.add_argument("-tb", "--threads-batch", type=int, default=-1)
    flags.add_argument("-ngl", "--n-gpu-layers", "--gpu-layers", type=int, default=-1)
    flags.add_argument("-dev", "--device", choices=["none"], default=None)
    flags.add_argument("-b", "--batch-size", type=int, default=None)
    flags.add_argument("-ub", "--ubatch-size", type=int, default=None)
    flags.add_argument("-fa", "--flash-attn", choices=["on", "off", "auto"], default="auto")
    flags.add_argument("-ctk", "--cache-type-k", default="f16")
    flags.add_argument("-ctv", "--cache-type-v", default="f16")
    flags.add_argument("-np", "--parallel", type=int, default=1)
    flags.add_argument("-c", "--ctx-size", type=int, default=0)
    flags.add_argument("-C", "--cpu-mask", default=None)
    flags.add_argument("--poll", type=int, default=None)
    flags.add_argument("--sleep-idle-seconds", type=int, default=-1)
    flags.add_argument("--cache-ram", type=int, default=None)
    flags.add_argument("--threads-http", type=int, default=None)
    flags.add_argument("-fit", "--fit", choices=["on", "off"], default=None)
    flags.add_argument("-ncmoe", "--n-cpu-moe", type=int, default=0)
    flags.add_argument("--cache-reuse", type=int, default=None)
    flags.add_argument("--spec-type", default=None)
    flags.add_argument("-bs", "--backend-sampling", action="store_true")
    _add_switch(flags, "kv_unified", ("-kvu", "--kv-unified"), ("-no-kvu", "--no-kv-unified"))
    flags.add_argument("--api-key", default=os.environ.get(KEY_VARIABLE))
    flags.add_argument("--api-key-file", default=None)
    flags.add_argument("--prio", type=int, choices=[0, 1, 2, 3], default=None)
    for parameter, (spellings, value) in SWITCHES.items():
        flags.add_argument(*spellings.split(), dest=parameter, action="store_const", const=value)
    return flags


def _add_switch(
    flags: argparse.ArgumentParser, name: str, on: tuple[str, ...], off: tuple[str, ...]
) -> None:
    flags.add_argument(*on, dest=name, action="store_const", const=True)
    flags.add_argument(*off, dest=name, action="store_const", const=False)


def params_from(flags: argparse.Namespace) -> Any:  # noqa: ANN401  (xllamacpp is untyped)
    """Return xllamacpp's parameters for parsed flags.

    Raises:
        ValueError: a cache type, CPU mask or kind of speculation that llama.cpp does not know.
        OSError: the key's file cannot be read.
    """
    import xllamacpp  # noqa: PLC0415

    params = xllamacpp.CommonParams()
    params.model.path = flags.model
    params.hostnames = [flags.host]
    params.port = flags.port
    params.n_gpu_layers = 0 if flags.device == "none" else flags.n_gpu_layers
    params.n_parallel = flags.parallel
    params.n_ctx = flags.ctx_size
    params.sleep_idle_seconds = flags.sleep_idle_seconds
    params.flash_attn_type = _flash_attention(xllamacpp, flags.flash_attn)
    params.cache_type_k = _cache_type(xllamacpp, flags.cache_type_k)
    params.cache_type_v = _cache_type(xllamacpp, flags.cache_type_v)
    params.sampling.backend_sampling = flags.backend_sampling
    params.tensor_buft_overrides = cpu_experts(flags.n_cpu_moe)
    if flags.fit is not None:
        params.fit_params = flags.fit == "on"
    if flags.spec_type is not None:
        params.speculative.types = _speculation(xllamacpp, flags.spec_type)
    params.api_keys = keys_from(flags)
    optional = {
        "n_batch": flags.batch_size,
        "n_ubatch": flags.ubatch_size,
        "cache_ram_mib": flags.cache_ram,
        "n_threads_http": flags.threads_http,
        "n_cache_reuse": flags.cache_reuse,
        "kv_unified": flags.kv_unified,
        **{parameter: getattr(flags, parameter) for parameter in SWITCHES},
    }
    for name, value in optional.items():
        if value is not None:
            setattr(params, name, value)
    _set_threads(xllamacpp, params, flags)
    return params


def _set_threads(module: Any, params: Any, flags: argparse.Namespace) -> None:  # noqa: ANN401
    params.cpuparams.n_threads = flags.threads
    params.cpuparams_batch.n_threads = flags.threads_batch
    for group in (params.cpuparams, params.cpuparams_batch):
        if flags.poll is not None:
            group.poll = flags.poll
        if flags.prio is not None:
            group.priority = module.ggml_sched_priority(flags.prio)
        if flags.cpu_mask is not None:
            group.cpumask = mask_bits(flags.cpu_mask, len(group.cpumask))
            group.mask_valid = True


def cpu_experts(n_layers: int) -> str:
    """Return the tensor overrides that keep the experts of the first layers on the CPU.

    The pattern is that of llama.cpp's own `--n-cpu-moe`.
    """
    return ",".join(rf"blk\.{n}\.ffn_(up|down|gate_up|gate)_(ch|)exps=CPU" for n in range(n_layers))


def keys_from(flags: argparse.Namespace) -> list[str]:
    """Return the keys of which a request must carry one; none for an open server.

    Raises:
        OSError: their file cannot be read.
    """
    given = (flags.api_key or "").split(",")
    if flags.api_key_file is not None:
        lines = Path(flags.api_key_file).read_text("utf-8").splitlines()
        given += [line for line in lines if not line.startswith("#")]
    return [key.strip() for key in given if key.strip()]


def mask_bits(mask: str, n_cores: int) -> list[bool]:
    """Return an affinity mask as `n_cores` booleans, core 0 first.

    Raises:
        ValueError: the mask is not hexadecimal or names a core beyond `n_cores`.
    """
    number = int(mask, 16)
    if number >> n_cores:
        raise ValueError(f"cpu mask {mask} names a core beyond {n_cores}")
    return [bool(number >> core & 1) for core in range(n_cores)]


def _flash_attention(module: Any, word: str) -> Any:  # noqa: ANN401
    kinds = module.llama_flash_attn_type
    return {
        "on": kinds.LLAMA_FLASH_ATTN_TYPE_ENABLED,
        "off": kinds.LLAMA_FLASH_ATTN_TYPE_DISABLED,
        "auto": kinds.LLAMA_FLASH_ATTN_TYPE_AUTO,
    }[word]


def _speculation(module: Any, words: str) -> list[Any]:  # noqa: ANN401
    kinds = module.common_speculative_type
    names = {word: f"COMMON_SPECULATIVE_TYPE_{word.upper()}" for word in words.split(",")}
    names = {word: name.replace("-", "_") for word, name in names.items()}
    unknown = next((word for word, name in names.items() if not hasattr(kinds, name)), None)
    if unknown is not None:
        raise ValueError(f"unknown kind of speculative decoding {unknown}")
    return [getattr(kinds, name) for name in names.values()]


def _cache_type(module: Any, word: str) -> Any:  # noqa: ANN401
    kind = getattr(module.ggml_type, f"GGML_TYPE_{word.upper()}", None)
    if kind is None:
        raise ValueError(f"unknown cache type {word}")
    return kind


def main(arguments: list[str]) -> int:
    """Serve until a signal ends it. Returns the exit code."""
    flags = parser().parse_args(arguments)
    os.environ.pop(KEY_VARIABLE, None)
    if flags.device == "none":
        os.environ.update(dict.fromkeys(GPU_VISIBILITY, ""))
    import xllamacpp  # noqa: PLC0415

    # Ended by the kernel, at once and also while a model loads: the wheel's own shutdown waits for
    # open streams, and Python's handlers for the load.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    try:
        server = xllamacpp.Server(params_from(flags))
    except (RuntimeError, ValueError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stderr.write(f"listening on {server.listening_address}\n")
    sys.stderr.flush()
    threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
