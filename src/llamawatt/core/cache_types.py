"""What a cache type takes: bytes of keys and values, per token and for a context."""

from llamawatt.core.plan import ArmRecord, ModelRecord

BYTES_PER_ELEMENT = {
    "f32": 4.0, "f16": 2.0, "bf16": 2.0, "q8_0": 34 / 32, "q5_1": 24 / 32, "q5_0": 22 / 32,
    "q4_1": 20 / 32, "q4_0": 18 / 32, "iq4_nl": 18 / 32,
}  # fmt: skip
"""Bytes of a block over its 32 elements, as ggml lays them out."""


def cache_setting(arm: ArmRecord) -> tuple[str, str, str]:
    """Return an arm's types of keys and values and its flash attention, else llama.cpp's own."""
    default = {"cache_type_k": "f16", "cache_type_v": "f16", "flash_attn": "auto"}
    key, value, flash = (str(arm.spec.get(name, own)) for name, own in default.items())
    return key, value, flash


def cache_types(arm: ArmRecord) -> tuple[str, str]:
    """Return the types of an arm's keys and values."""
    key, value, _ = cache_setting(arm)
    return key, value


def cache_bytes_per_token(model: ModelRecord, arm: ArmRecord) -> float | None:
    """Return cache bytes per token of context with an arm's types; None where it cannot be told.

    Of a token within the sliding windows that some layers may have. Scaled from the model's figure
    at f16. Keys and values of unlike types are taken to be equally wide, as they are in nearly
    every model.
    """
    scale = _scale(arm)
    if model.kv_bytes_per_token is None or scale is None:
        return None
    return model.kv_bytes_per_token * scale


def cache_size_bytes(model: ModelRecord, arm: ArmRecord, n_context: float) -> float | None:
    """Return the cache bytes of a context, which decoding a token there reads.

    Layers with a sliding window keep no more tokens than fit into it.
    """
    per_token, scale = model.kv_bytes_per_token, _scale(arm)
    if per_token is None or scale is None:
        return None
    n_within = n_context if model.n_kv_window is None else min(n_context, model.n_kv_window)
    beyond = model.kv_bytes_per_token_beyond or 0.0
    return scale * (per_token * n_within + beyond * (n_context - n_within))


def _scale(arm: ArmRecord) -> float | None:
    """Return the size of an arm's cache over that at f16."""
    try:
        sizes_bytes = [BYTES_PER_ELEMENT[name] for name in cache_types(arm)]
    except KeyError:
        return None
    return sum(sizes_bytes) / (2 * BYTES_PER_ELEMENT["f16"])
