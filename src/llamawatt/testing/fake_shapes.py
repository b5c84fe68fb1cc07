"""What servers of many kinds answer beside completions, by path, as their makers document it."""

from collections.abc import Mapping
from dataclasses import dataclass

N_VOCAB = 32_000
BUILD = "fake-1"
COMPLETION, GENERATE, CHAT = "/completion", "/api/generate", "/v1/chat/completions"
DIALECTS = {COMPLETION: "llama-server", GENERATE: "ollama", CHAT: "openai"}

Body = dict[str, object]


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of server.

    Attributes:
        pages: What a GET answers, by path.
        answers: Paths that generate.
        templates: Whether it has `/apply-template`.
        timings: Whether its chat completions carry llama.cpp's timings.
        routes: Whether every request must name a model.
        server: Its `Server` header.
    """

    pages: Mapping[str, object]
    answers: tuple[str, ...] = (CHAT,)
    templates: bool = False
    timings: bool = False
    routes: bool = False
    server: str = ""


def listing(*models: Mapping[str, object]) -> Body:
    """Return a list of models as the OpenAI API gives it."""
    return {"object": "list", "data": [{"object": "model", **model} for model in models]}


def shapes(model: str, n_parallel: int) -> dict[str, Shape]:
    """Return every kind, serving this model."""
    return {**_llama_cpp(model, n_parallel), **_apps(model), **_engines(model)}


def _llama_cpp(model: str, n_parallel: int) -> dict[str, Shape]:
    props: Body = {
        "default_generation_settings": {"n_ctx": 4096},
        "total_slots": n_parallel,
        "model_path": f"/models/{model}",
        "build_info": BUILD,
    }
    meta = {"n_vocab": N_VOCAB, "n_params": 1_100_048_384, "size": 636_000_000, "ftype": "Q4_0"}
    own = listing({"id": model, "owned_by": "llamacpp", "meta": meta})
    unloaded = {"value": "unloaded", "args": ["llama-server", "--model", f"/models/{model}"]}
    embedder = {"id": "bge-small-en", "owned_by": "llamacpp", "status": {"value": "unloaded"}}
    routed = listing(embedder, {"id": model, "owned_by": "llamacpp", "status": unloaded})
    router = {**props, "role": "router", "model_path": "none", "model_alias": "llama-server"}
    del router["total_slots"]
    health: Body = {"status": "ok"}
    return {
        "llama-server": Shape(
            {"/health": health, "/props": props, "/v1/models": own},
            (COMPLETION, CHAT),
            templates=True,
            timings=True,
            server="llama.cpp",
        ),
        "router": Shape(
            {"/health": health, "/props": router, "/v1/models": routed},
            (COMPLETION, CHAT),
            templates=True,
            timings=True,
            routes=True,
        ),
        "fork": Shape(
            {
                "/props": {"default_generation_settings": {}, "system_prompt": ""},
                "/v1/models": listing({"id": model, "owned_by": "llamacpp"}),
            },
            (COMPLETION, CHAT),
            timings=True,
        ),
        "llamafile": Shape(
            {"/props": props, "/v1/models": own},
            (COMPLETION, CHAT),
            timings=True,
            server="llamafile/0.9.3",
        ),
        "llama-swap": Shape(
            {
                "/api/version": {"version": "176", "commit": "abc1234", "build_date": "unknown"},
                "/running": {"running": []},
                "/v1/models": listing(
                    {"id": model, "owned_by": "llama-swap", "created": 1},
                    {"id": "other", "owned_by": "llama-swap", "created": 1},
                ),
            },
            timings=True,
            routes=True,
        ),
    }


def _apps(model: str) -> dict[str, Shape]:
    kept = {"format": "gguf", "family": "llama", "quantization_level": "Q4_0"}
    cloud = {"name": "big:cloud", "model": "big:cloud", "remote_host": "https://cloud.example:443"}
    tags = {"models": [cloud | {"remote_model": "big"}, {"name": "fake:latest", "details": kept}]}
    own = {"id": model, "type": "llm", "arch": "llama", "quantization": "Q4_K_M", "state": "loaded"}
    spare = {**own, "id": "spare-7b", "state": "not-loaded", "quantization": "Q8_0"}
    embedder = {"id": "text-embedding-nomic", "type": "embeddings", "state": "not-loaded"}
    kobold = listing({"id": f"koboldcpp/{model}", "owned_by": "koboldcpp"})
    return {
        "ollama": Shape(
            {
                "/": "Ollama is running",
                "/api/version": {"version": "0.31.0"},
                "/api/tags": tags,
                "/api/ps": {"models": [{"name": "fake:latest", "size": 1, "size_vram": 0}]},
                "/v1/models": listing({"id": "fake:latest", "owned_by": "library"}),
            },
            (GENERATE, CHAT),
        ),
        "lm-studio": Shape(
            {
                "/api/v0/models": listing(embedder, spare, own),
                "/v1/models": listing({"id": "text-embedding-nomic"}, {"id": model}),
            },
        ),
        "koboldcpp": Shape(
            {
                "/api/extra/version": {"result": "KoboldCpp", "version": "1.99"},
                "/api/v1/model": {"result": f"koboldcpp/{model}"},
                "/api/version": {"version": "0.7.0"},
                "/api/tags": {"models": [{"name": "koboldcpp", "model": f"{model}:latest"}]},
                "/props": {"chat_template": "", "default_generation_settings": {"n_ctx": 4096}},
                "/v1/models": kobold,
            },
        ),
    }


def _engines(model: str) -> dict[str, Shape]:
    def owned(by: str, **pages: object) -> Shape:
        named = {f"/{path.replace('__', '/')}": page for path, page in pages.items()}
        return Shape({**named, "/v1/models": listing({"id": model, "owned_by": by})})

    return {
        "openai": Shape({"/v1/models": listing({"id": model})}),
        "vllm": owned("vllm", version={"version": "0.11.0"}),
        "sglang": owned("sglang", get_model_info={"model_path": model}),
        "tabbyapi": owned("tabbyAPI", v1__model={"id": model, "object": "model"}),
        "llama-cpp-python": owned("me"),
        "jan": owned("jan"),
    }
