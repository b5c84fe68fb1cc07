"""For LM Studio: the load configuration of its SDKs, and `lms load`.

Fields are those of LLMLoadModelConfig in LM Studio's documentation. Its threads are set in the
program alone, under the model's load settings.
"""

import json

from llamawatt.tune.handover.form import HandOver, Tuned, left_over


def load_config(tuned: Tuned) -> HandOver:
    """Return the configuration to load the model with, as JSON."""
    spec = tuned.spec
    config: dict[str, object] = {"gpu": {"ratio": _ratio(tuned)}}
    mapped = {"n_gpu_layers", "n_ctx"}
    if tuned.n_context is not None:
        config["contextLength"] = tuned.n_context
    if spec.n_batch is not None:
        config["evalBatchSize"] = spec.n_batch
        mapped.add("n_batch")
    if spec.flash_attn is not None:
        mapped.add("flash_attn")
        if spec.flash_attn != "auto":
            config["flashAttention"] = spec.flash_attn == "on"
    for name, key in (("cache_type_k", "K"), ("cache_type_v", "V")):
        value = getattr(spec, name)
        if value is not None:
            config[f"llama{key}CacheQuantizationType"] = value
            config["flashAttention"] = True
            mapped.add(name)
    if spec.n_parallel in {None, 1}:
        mapped.add("n_parallel")
    unmapped = left_over(tuned, mapped)
    advice = "Pass it as the config of a model's load; the program has the same fields."
    if spec.n_threads is not None:
        advice += f" Set its CPU threads to {spec.n_threads} there: the SDKs cannot."
    text = json.dumps({"model": tuned.name, "config": config}, indent=1) + "\n"
    return HandOver("LM Studio", "lm-studio.json", text, unmapped, advice)


def _ratio(tuned: Tuned) -> float | str:
    """Return the share of layers on the GPU, as LM Studio counts it."""
    layers = tuned.spec.n_gpu_layers
    if tuned.spec.device == "none" or layers == 0:
        return "off"
    if layers is None or tuned.n_layers is None or layers > tuned.n_layers:
        return "max"
    return round(layers / tuned.n_layers, 3)
