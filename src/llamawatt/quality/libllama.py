"""llama.cpp's own library, called by its C interface: tokens in, every logit out.

llama-server gives the probabilities of a few tokens; a divergence needs them all. The library is
the one inside xllamacpp, so quality is judged by the very code that serves, or one the user names
(libllama beside their llama-server). Two structs travel by value and differ between versions, so
they are not declared: the library fills in its defaults, the fields wanted are found by those
defaults, and what the library made of them is read back. What does not hold is an error, never a
guess.
"""

import ctypes
import struct
from collections import deque
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from llamawatt.core.errors import ModelError

Logits = NDArray[np.float32]

REMEDY = "Name a libllama to `llamawatt quality --library`; it lies beside llama-server."
PARAMS_BYTES = 1024
"""Room for a params struct. More than any version's: larger structs travel on the stack or by
reference (System V x86-64, AAPCS64), where trailing bytes do no harm."""
MODEL_START = (0, 0, 0, 0)
"""Two null pointers begin llama_model_params; n_gpu_layers follows."""
LAYERS_AT, LAYERS_DEFAULTS = 4, (-1, 0, 999)
"""Where n_gpu_layers stands, and its defaults over the years."""
CONTEXT_START = (512, 2048, 512, 1)
"""Defaults of n_ctx, n_batch, n_ubatch and n_seq_max, which begin llama_context_params."""
ENUMS_BEFORE_FLOATS = (-1, -1, -1, -1, 0, 0, struct.unpack("<i", struct.pack("<f", -1.0))[0])
"""Defaults of rope scaling, pooling, attention, flash attention, two rope floats, yarn's first."""
FLASH_AT = 3
"""Where flash_attn_type stands among those."""
CACHE_TYPES_DEFAULT = (1, 1)
"""type_k and type_v: GGML_TYPE_F16."""
LOG_DEBUG, LOG_ERROR = 1, 4
"""ggml's enum ggml_log_level."""
N_LOG_LINES = 400

_LOG = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
_POINTER = ctypes.c_void_p


class Params(ctypes.Structure):
    """A params struct of unknown layout."""

    _fields_ = (("raw", ctypes.c_int32 * (PARAMS_BYTES // 4)),)


class Batch(ctypes.Structure):
    """llama_batch, unchanged since llama.cpp b1400."""

    _fields_ = (
        ("n_tokens", ctypes.c_int32),
        ("token", ctypes.POINTER(ctypes.c_int32)),
        ("embd", ctypes.POINTER(ctypes.c_float)),
        ("pos", ctypes.POINTER(ctypes.c_int32)),
        ("n_seq_id", ctypes.POINTER(ctypes.c_int32)),
        ("seq_id", ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
        ("logits", ctypes.POINTER(ctypes.c_int8)),
    )


_SIGNATURES: dict[str, tuple[object, tuple[object, ...]]] = {
    "llama_backend_init": (None, ()),
    "llama_log_set": (None, (_LOG, _POINTER)),
    "llama_supports_gpu_offload": (ctypes.c_bool, ()),
    "llama_model_default_params": (Params, ()),
    "llama_context_default_params": (Params, ()),
    "llama_model_load_from_file": (_POINTER, (ctypes.c_char_p, Params)),
    "llama_model_free": (None, (_POINTER,)),
    "llama_model_get_vocab": (_POINTER, (_POINTER,)),
    "llama_init_from_model": (_POINTER, (_POINTER, Params)),
    "llama_free": (None, (_POINTER,)),
    "llama_set_n_threads": (None, (_POINTER, ctypes.c_int32, ctypes.c_int32)),
    "llama_n_ctx": (ctypes.c_uint32, (_POINTER,)),
    "llama_n_batch": (ctypes.c_uint32, (_POINTER,)),
    "llama_get_memory": (_POINTER, (_POINTER,)),
    "llama_memory_clear": (None, (_POINTER, ctypes.c_bool)),
    "llama_decode": (ctypes.c_int32, (_POINTER, Batch)),
    "llama_get_logits": (ctypes.POINTER(ctypes.c_float), (_POINTER,)),
    "llama_vocab_n_tokens": (ctypes.c_int32, (_POINTER,)),
    "llama_vocab_bos": (ctypes.c_int32, (_POINTER,)),
    "llama_vocab_get_add_bos": (ctypes.c_bool, (_POINTER,)),
    "llama_tokenize": (
        ctypes.c_int32,
        (
            _POINTER, ctypes.c_char_p, ctypes.c_int32, ctypes.POINTER(ctypes.c_int32),
            ctypes.c_int32, ctypes.c_bool, ctypes.c_bool,
        ),
    ),
    "llama_token_to_piece": (
        ctypes.c_int32,
        (
            _POINTER, ctypes.c_int32, ctypes.c_char_p, ctypes.c_int32, ctypes.c_int32,
            ctypes.c_bool,
        ),
    ),
}  # fmt: skip


class Library:
    """A loaded libllama.

    Raises:
        ModelError: the file is no libllama, or one of a layout that is not understood.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._log_lines: deque[str] = deque(maxlen=N_LOG_LINES)
        self._complaint = ""
        try:
            self.c = ctypes.CDLL(str(path))
            for name, (returns, takes) in _SIGNATURES.items():
                function = getattr(self.c, name)
                function.restype, function.argtypes = returns, takes
        except (OSError, AttributeError) as error:
            raise ModelError(
                f"{path} cannot be used as llama.cpp's library ({error}).",
                REMEDY,
            ) from error
        self._callback = _LOG(self._hear)
        self.c.llama_log_set(self._callback, None)
        self._load_backends()
        self.c.llama_backend_init()

    def model_params(self, n_gpu_layers: int) -> Params:
        """Return params of a model with so many layers on the GPU, where the build has one.

        Raises:
            ModelError: the layout of this version is not understood.
        """
        params: Params = self.c.llama_model_default_params()
        if not self.c.llama_supports_gpu_offload():
            return params
        fields = tuple(params.raw)
        start = fields[: len(MODEL_START)]
        if start != MODEL_START or fields[LAYERS_AT] not in LAYERS_DEFAULTS:
            self._not_understood("GPU layers")
        params.raw[LAYERS_AT] = n_gpu_layers
        return params

    def context_params(self, n_ctx: int, types: tuple[int, int], flash: int | None) -> Params:
        """Return params of a context that takes `n_ctx` tokens in one batch.

        Args:
            n_ctx: Tokens.
            types: ggml's numbers of the types of the key and value cache.
            flash: llama.cpp's number of the flash attention setting; None leaves its default.

        Raises:
            ModelError: the layout of this version is not understood.
        """
        params: Params = self.c.llama_context_default_params()
        fields = tuple(params.raw)
        if fields[: len(CONTEXT_START)] != CONTEXT_START:
            self._not_understood("the batch size")
        params.raw[0] = params.raw[1] = n_ctx
        anchor = _find(fields, ENUMS_BEFORE_FLOATS, 4, 1)
        if flash is not None:
            params.raw[(anchor or self._not_understood("flash attention")) + FLASH_AT] = flash
        if types != CACHE_TYPES_DEFAULT:
            start = (anchor or self._not_understood("cache types")) + len(ENUMS_BEFORE_FLOATS)
            # They follow two pointers, so they stand on a multiple of eight bytes.
            at = _find(fields, CACHE_TYPES_DEFAULT, start + start % 2, 2)
            if at is None:
                self._not_understood("cache types")
            params.raw[at], params.raw[at + 1] = types
        return params

    def said(self) -> str:
        """Return what the library logged lately."""
        return "".join(self._log_lines)

    def fail(self, what: str, remedy: str) -> NoReturn:
        """Raise a ModelError with the last thing that the library complained of."""
        why = f" ({self._complaint})" if self._complaint else ""
        raise ModelError(f"{what}{why}.", remedy)

    def _not_understood(self, what: str) -> NoReturn:
        raise ModelError(
            f"{self.path} is a llama.cpp whose setting for {what} is not understood.",
            "Name another libllama with --library, or leave the setting out.",
        )

    def _hear(self, level: int, line: bytes | None, _data: object) -> None:
        text = (line or b"").decode("utf-8", "replace")
        if level != LOG_DEBUG:
            self._log_lines.append(text)
        if level == LOG_ERROR and text.strip():
            self._complaint = text.strip()

    def _load_backends(self) -> None:
        # Builds with GGML_BACKEND_DL keep each processor's kernels in a file beside the library.
        load = getattr(self.c, "ggml_backend_load_all_from_path", None)
        if load is not None and any(self.path.parent.glob("*ggml-cpu*")):
            load.restype, load.argtypes = None, (ctypes.c_char_p,)
            load(str(self.path.parent).encode())


def _find(fields: tuple[int, ...], pattern: tuple[int, ...], start: int, step: int) -> int | None:
    for at in range(start, len(fields) - len(pattern), step):
        if fields[at : at + len(pattern)] == pattern:
            return at
    return None


def bundled_library() -> Path:
    """Return the library inside xllamacpp.

    Raises:
        ModelError: this machine has none.
    """
    import importlib.util  # noqa: PLC0415  (the package itself is heavy and not imported)

    found = importlib.util.find_spec("xllamacpp")
    folders = list(found.submodule_search_locations or ()) if found else []
    for folder in folders:
        for file in sorted(Path(folder).glob("xllamacpp*.so")):
            return file
    raise ModelError(
        "The llama.cpp that comes with llamawatt cannot be called here.",
        REMEDY,
    )


def library_at(path: Path) -> Path:
    """Return the libllama that a user means: the file, or the one in a folder or beside a program.

    Raises:
        ModelError: there is none.
    """
    if path.is_file() and "llama" in path.name and path.suffix not in {"", ".exe"}:
        return path
    folder = path if path.is_dir() else path.parent
    for place in (folder, folder.parent / "lib") if path.exists() else ():
        for name in ("libllama.so", "libllama.dylib", "llama.dll"):
            if (place / name).is_file():
                return place / name
    raise ModelError(f"There is no libllama at {path}.", "It lies beside llama-server, or in lib.")
