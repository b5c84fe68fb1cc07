"""Quantises in a process of its own: an abort inside llama.cpp ends this one and no other.

`python -m llamawatt.models.make.quantize_child MODULE SOURCE TARGET FTYPE THREADS REQUANTIZE`. What
llama.cpp says of its progress goes to stderr.
"""

import ctypes
import importlib
import sys


def main(arguments: list[str]) -> int:
    """Quantise and return an exit code."""
    module, source, target, *numbers = arguments
    file_type, n_threads, requantize = (int(number) for number in numbers)
    by_module = {"llama_cpp": _with_llama_cpp, "cyllama": _with_cyllama}
    return by_module[module](source, target, file_type, n_threads, bool(requantize))


def _with_llama_cpp(
    source: str, target: str, file_type: int, n_threads: int, requantize: bool
) -> int:
    c = importlib.import_module("llama_cpp")
    log = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(_tell)
    c.llama_log_set(log, None)
    c.llama_backend_init()
    params = c.llama_model_quantize_default_params()
    params.ftype, params.nthread, params.allow_requantize = file_type, n_threads, requantize
    return int(c.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(params)))


def _with_cyllama(
    source: str, target: str, file_type: int, n_threads: int, requantize: bool
) -> int:
    c = importlib.import_module("cyllama.llama.llama_cpp")
    params = c.LlamaModelQuantizeParams()
    params.ftype, params.nthread, params.allow_requantize = file_type, n_threads, requantize
    try:
        c.model_quantize(source, target, params)
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _tell(_level: int, line: bytes | None, _data: object) -> None:
    sys.stderr.write((line or b"").decode("utf-8", "replace"))
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
