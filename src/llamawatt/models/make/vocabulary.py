"""A made-up vocabulary of a given size, for models of random weights."""

import itertools
import string

from gguf.constants import TokenType

from llamawatt.core.errors import ModelError

N_SPECIAL = 3
N_BYTES = 256
BOS, EOS, UNKNOWN = 1, 2, 0


def tokenizer(n_vocab: int) -> tuple[list[str], list[float], list[int]]:
    """Return tokens, scores and types of a vocabulary that llama.cpp takes as SentencePiece.

    Special tokens, all bytes, then groups of one to three letters, so that English text comes to
    about as many tokens as in a trained vocabulary; the rest are never met.

    Raises:
        ModelError: the vocabulary is too small for all bytes.
    """
    letters = "▁" + string.ascii_lowercase
    groups = itertools.chain.from_iterable(
        ("".join(part) for part in itertools.product(letters, repeat=size)) for size in (1, 2, 3)
    )
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{value:02X}>" for value in range(N_BYTES))]
    room = n_vocab - len(tokens)
    if room < 0:
        raise ModelError(f"A vocabulary of {n_vocab} is too small for its bytes.")
    words = list(itertools.islice(groups, room))
    tokens += words
    tokens += [f"<unused{number}>" for number in range(n_vocab - len(tokens))]
    scores = [0.0] * (N_SPECIAL + N_BYTES) + [-float(i) for i in range(room)]
    kinds = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL]
    kinds += [TokenType.BYTE] * N_BYTES + [TokenType.NORMAL] * len(words)
    kinds += [TokenType.UNUSED] * (n_vocab - len(kinds))
    return tokens, scores, [int(kind) for kind in kinds]
