"""The kinds of server that are known, each by two facts that its maker documents.

One fact alone misleads: llama-swap answers Ollama's `/api/version`, KoboldCpp answers the pages of
three others, and forks of llama.cpp keep `/props` without the rest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from llamawatt.targets.base import Endpoint, Served
from llamawatt.targets.listing import (
    Listed,
    choose,
    label_in,
    listed_lm_studio,
    listed_ollama,
    listed_openai,
)
from llamawatt.targets.ollama import require_here
from llamawatt.targets.pages import Pages, dicts_in, object_in, text_in
from llamawatt.targets.stream import Event

MISSING = (404, 405, 501)
"""Statuses of a page that a server does not have."""
CHAT = "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a server that is to be recognised.

    Attributes:
        url: Its address.
        pages: Its pages.
        wanted: The model that the user named; empty for any.
    """

    url: str
    pages: Pages
    wanted: str

    def get(self, path: str) -> Event:
        """Return the JSON object at a path; empty where there is none."""
        page = self.pages.get(path)
        return page.value if page.ok else {}

    @property
    def owners(self) -> set[str]:
        """Who owns the models of `/v1/models`, as servers write their own names there."""
        return {text_in(each, "owned_by") for each in dicts_in(self.get("/v1/models").get("data"))}

    def openai(self, server: str, *, build: str = "", whole: bool = False) -> Endpoint:
        """Return an endpoint for chat completions, with the model from `/v1/models`."""
        model = choose(listed_openai(self.get("/v1/models")), self.wanted, self.url)
        return self.endpoint("openai", model, server, build=build, whole=whole)

    def endpoint(
        self, kind: str, model: Listed, server: str, *, build: str = "", whole: bool = False
    ) -> Endpoint:
        """Return an endpoint for a model of the list."""
        served = replace(model.served, name=model.served.name or model.name)
        return Endpoint(
            self.url,
            kind,
            build=build,
            model=model.name,
            server=server,
            served=served,
            whole=whole,
        )


def llama_swap(ask: Question) -> Endpoint | None:
    """llama-swap: its list of what runs, and its name in `/v1/models` or its own version page."""
    running = ask.get("/running").get("running")
    version = ask.get("/api/version")
    if not isinstance(running, list) or not ("commit" in version or "llama-swap" in ask.owners):
        return None
    up = {text_in(each, "model") for each in dicts_in(running)}
    models = [
        replace(each, loaded=each.name in up) for each in listed_openai(ask.get("/v1/models"))
    ]
    if ask.wanted and not any(each.answers_to(ask.wanted) for each in models):
        # Models may be unlisted; what is not there at all is refused at the first request.
        models = [Listed(ask.wanted)]
    model = choose(models, ask.wanted, ask.url)
    build = f"llama-swap {text_in(version, 'version')}".strip()
    return ask.endpoint("openai", model, "llama-swap", build=build)


def koboldcpp(ask: Question) -> Endpoint | None:
    """KoboldCpp: its name on its version page, and its model page."""
    version = ask.get("/api/extra/version")
    if text_in(version, "result") != "KoboldCpp":
        return None
    name = text_in(ask.get("/api/v1/model"), "result")
    if not name and "koboldcpp" not in ask.owners:
        return None
    model = choose(listed_openai(ask.get("/v1/models")) or [Listed(name)], ask.wanted, ask.url)
    build = f"KoboldCpp {text_in(version, 'version')}".strip()
    return ask.endpoint("openai", model, "KoboldCpp", build=build, whole=True)


def router(ask: Question) -> Endpoint | None:
    """llama-server that routes to several models: its role, and llama.cpp's list."""
    props = ask.get("/props")
    models = listed_openai(ask.get("/v1/models"))
    if text_in(props, "role") != "router" or not models:
        return None
    model = choose(models, ask.wanted, ask.url)
    build = text_in(props, "build_info")
    return ask.endpoint("llama-server", model, "llama-server (router)", build=build)


def llama_server(ask: Question) -> Endpoint | None:
    """llama-server: its `/props`, and its chat template; a fork without that is asked by chat."""
    props = ask.get("/props")
    if "default_generation_settings" not in props:
        return None
    page = ask.pages.get("/props")
    listed = listed_openai(ask.get("/v1/models"))
    model = _own_model(props, listed)
    if ask.wanted and not model.answers_to(ask.wanted):
        choose([model] if model.name else listed, ask.wanted, ask.url)
    header = page.headers.get("server", "")
    build = text_in(props, "build_info")
    if ask.pages.post("/apply-template", _HELLO).status in MISSING:
        is_file = header.startswith("llamafile")
        server = "llamafile" if is_file else "an older llama-server or a fork of it"
        return ask.endpoint("openai", model, server, build=header if is_file else build, whole=True)
    return replace(ask.endpoint("llama-server", model, "llama-server", build=build), model="")


_HELLO: Event = {"messages": [{"role": "user", "content": "hello"}]}


def _own_model(props: Event, listed: Sequence[Listed]) -> Listed:
    """Return the one model of a llama-server, from its properties and its list."""
    file = PurePath(text_in(props, "model_path").replace("\\", "/")).name
    alias = text_in(props, "model_alias")
    first = listed[0] if listed else Listed(alias or file)
    served = replace(
        first.served,
        name=(PurePath(alias).name or file).removesuffix(".gguf") or first.served.name,
        file=file,
        quantization=first.served.quantization or label_in(file) or label_in(alias),
    )
    return Listed(first.name, tuple(filter(None, (*first.also, alias, file))), served=served)


def ollama(ask: Question) -> Endpoint | None:
    """Ollama: its version and its list of models."""
    version, tags = ask.get("/api/version"), ask.get("/api/tags")
    if "version" not in version or not isinstance(tags.get("models"), list):
        return None
    model = choose(listed_ollama(tags, ask.get("/api/ps")), ask.wanted, ask.url)
    shown = ask.pages.post("/api/show", {"model": model.name}).value
    require_here(shown, model.name)
    details, facts = object_in(shown, "details"), object_in(shown, "model_info")
    count = facts.get("general.parameter_count")
    served = replace(
        model.served,
        quantization=text_in(details, "quantization_level") or model.served.quantization,
        architecture=text_in(facts, "general.architecture") or model.served.architecture,
        n_params=count if isinstance(count, int) and count > 0 else None,
    )
    build = f"ollama {text_in(version, 'version')}"
    return ask.endpoint("ollama", replace(model, served=served), "Ollama", build=build)


def lm_studio(ask: Question) -> Endpoint | None:
    """LM Studio: its own list, whose models have a type and a state."""
    listing = ask.get("/api/v0/models")
    entries = dicts_in(listing.get("data"))
    if not any("type" in each and "state" in each for each in entries):
        return None
    return ask.endpoint(
        "openai", choose(listed_lm_studio(listing), ask.wanted, ask.url), "LM Studio"
    )


ENGINES = (
    ("vLLM", "vllm", "/version", "version"),
    ("SGLang", "sglang", "/get_model_info", "model_path"),
    ("TabbyAPI", "tabbyAPI", "/v1/model", "id"),
)
"""Server, how it signs `/v1/models`, a page of its own, and what stands on that."""
SIGNATURES = {"jan": "Jan", "me": "llama-cpp-python", "llamacpp": "a llama.cpp server"}
"""What others write into `/v1/models`: enough for a name, for they are asked alike."""


def engine(ask: Question) -> Endpoint | None:
    """One of the engines that sign their list of models and have a page of their own."""
    for server, owner, path, key in ENGINES:
        if owner in ask.owners and key in (page := ask.get(path)):
            version = text_in(page, key) if key == "version" else ""
            return ask.openai(server, build=f"{server} {version}".strip())
    return None


def openai(ask: Question) -> Endpoint | None:
    """Any server with a list of models, or with chat completions for a model that is named."""
    if isinstance(ask.get("/v1/models").get("data"), list):
        known = [SIGNATURES[owner] for owner in ask.owners if owner in SIGNATURES]
        return ask.openai((known or ["an OpenAI-compatible server"])[0])
    if not ask.wanted or ask.pages.post(CHAT, {}).status not in (400, 415, 422, 500):
        return None
    served = Served(name=PurePath(ask.wanted).name, quantization=label_in(ask.wanted))
    model = Listed(ask.wanted, served=served)
    return ask.endpoint("openai", model, "an OpenAI-compatible server")


KINDS: tuple[Callable[[Question], Endpoint | None], ...] = (
    router,
    koboldcpp,
    llama_server,
    llama_swap,
    ollama,
    lm_studio,
    engine,
    openai,
)
"""In this order: those that pose as others come before them."""
