"""The hash that stands for a key in the configuration."""

import hashlib


def hash_of(key: str) -> str:
    """Return the SHA-256 of a key, hexadecimal.

    Keys are long and random, so that no slow hash is needed to keep them.
    """
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
