"""A model loaded to be judged: its tokens of a text, and its logits after each of them."""

import ctypes
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gguf.constants import GGMLQuantizationType

from llamawatt.core.errors import ModelError
from llamawatt.models.gguf.kv_cache import CACHE_TYPES
from llamawatt.quality.libllama import Batch, Library, Logits

FLASH = {"auto": None, "off": 0, "on": 1}
"""llama.cpp's enum llama_flash_attn_type; its default is auto."""
PIECE_BYTES = 512


@dataclass(frozen=True, slots=True)
class Setting:
    """What a model is judged with.

    Attributes:
        cache_type_k: Type of the key cache, as llama.cpp names it.
        cache_type_v: Type of the value cache.
        flash_attn: `auto`, `on` or `off`.
    """

    cache_type_k: str = "f16"
    cache_type_v: str = "f16"
    flash_attn: str = "auto"


class LoadedModel:
    """A model with room for one chunk of text. Close it.

    Raises:
        ModelError: llama.cpp does not load it, or not with this setting.
    """

    def __init__(
        self,
        library: Library,
        path: Path,
        n_ctx: int,
        n_threads: int,
        setting: Setting,
        n_gpu_layers: int = 0,
    ) -> None:
        self._library, self._c, self._path = library, library.c, path
        self._context = None
        self._model = self._c.llama_model_load_from_file(
            str(path).encode(), library.model_params(n_gpu_layers)
        )
        if not self._model:
            library.fail(f"{path} was not loaded", "It may need a newer llama.cpp; see --library.")
        self._vocabulary = self._c.llama_model_get_vocab(self._model)
        self.n_vocab = int(self._c.llama_vocab_n_tokens(self._vocabulary))
        self._open(n_ctx, n_threads, setting)

    def close(self) -> None:
        """Free it. Safe to call twice."""
        if self._context:
            self._c.llama_free(self._context)
        if self._model:
            self._c.llama_model_free(self._model)
        self._context = self._model = None

    def tokenize(self, text: str) -> list[int]:
        """Return the text's tokens, with what the model wants in front of them.

        Raises:
            ModelError: the vocabulary cannot say the text.
        """
        raw = text.encode()
        room = len(raw) + 8
        tokens = (ctypes.c_int32 * room)()
        n_tokens = self._c.llama_tokenize(
            self._vocabulary, raw, len(raw), tokens, room, True, False
        )
        if n_tokens < 0:
            raise ModelError(f"{self._path} cannot tokenise the text.", "Use plain UTF-8 text.")
        return list(tokens[:n_tokens])

    def n_bytes(self, token: int) -> int:
        """Return how many bytes of text a token stands for; 0 for a control token."""
        piece = ctypes.create_string_buffer(PIECE_BYTES)
        size = self._c.llama_token_to_piece(self._vocabulary, token, piece, PIECE_BYTES, 0, False)
        return abs(int(size))

    def logits(self, tokens: Sequence[int], first: int) -> Logits:
        """Return the logits after each token from `first` on, shape (n - first, n_vocab).

        The first token is replaced by the beginning-of-sequence token where the model wants one.

        Raises:
            ModelError: llama.cpp could not decode them, or the model is broken.
        """
        chunk = list(tokens)
        if self._c.llama_vocab_get_add_bos(self._vocabulary):
            chunk[0] = self._c.llama_vocab_bos(self._vocabulary)
        self._c.llama_memory_clear(self._c.llama_get_memory(self._context), True)
        batch, kept = _batch(chunk, first)
        code = self._c.llama_decode(self._context, batch)
        del kept
        if code != 0:
            self._library.fail(
                f"{self._path}: llama_decode returned {code}", "Use a smaller context."
            )
        found = self._c.llama_get_logits(self._context)
        rows = np.ctypeslib.as_array(found, (len(chunk) - first, self.n_vocab)).copy()
        if not np.isfinite(rows).all():
            raise ModelError(f"{self._path} gives logits that are no numbers.", "It is broken.")
        return rows

    def _open(self, n_ctx: int, n_threads: int, setting: Setting) -> None:
        if setting.flash_attn not in FLASH:
            raise ModelError(f"flash_attn is {setting.flash_attn!r}.", "It is auto, on or off.")
        types = (_type_number(setting.cache_type_k), _type_number(setting.cache_type_v))
        params = self._library.context_params(n_ctx, types, FLASH[setting.flash_attn])
        self._context = self._c.llama_init_from_model(self._model, params)
        if not self._context:
            self._library.fail(
                f"{self._path} got no context of {n_ctx} tokens",
                "A quantised value cache needs --flash-attn on.",
            )
        if self._c.llama_n_batch(self._context) != n_ctx:
            raise ModelError(
                f"{self._library.path} did not take the batch size.", "Name another --library."
            )
        self._require_types(setting)
        self._c.llama_set_n_threads(self._context, n_threads, n_threads)

    def _require_types(self, setting: Setting) -> None:
        """Hold what was asked for against what the library says it made."""
        wanted = (setting.cache_type_k, setting.cache_type_v)
        if wanted == ("f16", "f16"):
            return
        made = re.findall(r"K \((\w+)\).*?V \((\w+)\)", self._library.said())
        if not made or made[-1] != wanted:
            raise ModelError(
                f"{self._library.path} did not make a cache of {wanted[0]} and {wanted[1]}.",
                "Name another libllama with --library.",
            )


def _batch(tokens: list[int], first: int) -> tuple[Batch, object]:
    """Return a batch of one sequence, and what must stay alive while it is used."""
    n_tokens = len(tokens)
    ids = (ctypes.c_int32 * n_tokens)(*tokens)
    places = (ctypes.c_int32 * n_tokens)(*range(n_tokens))
    ones = (ctypes.c_int32 * n_tokens)(*[1] * n_tokens)
    sequence = (ctypes.c_int32 * 1)(0)
    pointer = ctypes.POINTER(ctypes.c_int32)
    sequences = (pointer * n_tokens)(*[ctypes.cast(sequence, pointer)] * n_tokens)
    wanted = (ctypes.c_int8 * n_tokens)(*[int(place >= first) for place in range(n_tokens)])
    batch = Batch(n_tokens, ids, None, places, ones, sequences, wanted)
    return batch, (ids, places, ones, sequence, sequences, wanted)


def _type_number(name: str) -> int:
    if name not in CACHE_TYPES:
        raise ModelError(
            f"There is no cache type {name!r}.", f"Known are {', '.join(CACHE_TYPES)}."
        )
    return int(GGMLQuantizationType[name.upper()])
