"""For Ollama: a Modelfile, and the environment that its server needs as well.

Parameters are those of Ollama's Modelfile and options of its API; flash attention, the cache's type
and the streams belong to the server, for all models alike.
"""

import shlex

from llamawatt.tune.handover.form import HandOver, Tuned, comment, left_over

PARAMETERS = {
    "n_threads": "num_thread",
    "n_batch": "num_batch",
    "top_k": "top_k",
    "top_p": "top_p",
    "min_p": "min_p",
}
"""Our name → Ollama's."""
CACHE_TYPES = frozenset({"f16", "q8_0", "q4_0"})
"""Types that OLLAMA_KV_CACHE_TYPE takes."""


def modelfile(tuned: Tuned) -> HandOver:
    """Return a Modelfile with the server's environment in its head."""
    given = tuned.settings
    mapped = {"n_ctx", "n_gpu_layers", "n_parallel", "flash_attn", "env"} | set(PARAMETERS)
    lines = [f"FROM {tuned.path}"]
    if tuned.n_context is not None:
        lines.append(f"PARAMETER num_ctx {tuned.n_context}")
    if tuned.spec.n_gpu_layers is not None:
        lines.append(f"PARAMETER num_gpu {tuned.spec.n_gpu_layers}")
    lines += [f"PARAMETER {name} {given[own]}" for own, name in PARAMETERS.items() if own in given]
    variables = {"OLLAMA_NUM_PARALLEL": str(tuned.n_streams)}
    if tuned.spec.flash_attn is not None and tuned.spec.flash_attn != "auto":
        variables["OLLAMA_FLASH_ATTENTION"] = "1" if tuned.spec.flash_attn == "on" else "0"
    types = {tuned.spec.cache_type_k or "f16", tuned.spec.cache_type_v or "f16"}
    if len(types) == 1 and types <= CACHE_TYPES:
        mapped |= {"cache_type_k", "cache_type_v"}
        if types != {"f16"}:
            variables |= {"OLLAMA_KV_CACHE_TYPE": types.pop(), "OLLAMA_FLASH_ATTENTION": "1"}
    variables |= dict(tuned.spec.env)
    unmapped = left_over(tuned, mapped)
    env = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
    head = f"# Start its server with: {env} ollama serve\n"
    text = head + comment(unmapped) + "\n".join(lines) + "\n"
    advice = (
        f"ollama create {tuned.name}-tuned -f Modelfile, and start the server with {env}: it takes "
        "these for all its models."
    )
    return HandOver("Ollama", "Modelfile", text, unmapped, advice)
