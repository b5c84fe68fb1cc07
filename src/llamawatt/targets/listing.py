"""The models that a server lists, and the choice of one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from llamawatt.core.errors import TargetError, UsageError
from llamawatt.core.suggest import meant
from llamawatt.targets.base import Served
from llamawatt.targets.pages import dicts_in, object_in, text_in
from llamawatt.targets.stream import Event

SHOWN_MODELS = 8
_EMBEDS = re.compile(r"(?i)embed|rerank|\b(?:bge|gte|e5)-")
_LABEL = re.compile(
    r"(?i)(?<![a-z0-9])(i?q\d_[a-z0-9_]+|q\d_[01]|bf16|f16|f32|mxfp4(?:_moe)?|nvfp4|tq\d_\d)(?![a-z0-9])"
)


@dataclass(frozen=True, slots=True)
class Listed:
    """One model of a server's list.

    Attributes:
        name: What to ask for.
        also: Other names for it.
        generates: Whether it writes text.
        loaded: Whether it is in memory.
        host: Where it runs, when not on the server's own machine.
        served: What the list says of it.
    """

    name: str
    also: tuple[str, ...] = ()
    generates: bool = True
    loaded: bool = False
    host: str = ""
    served: Served = field(default_factory=Served)

    def answers_to(self, name: str) -> bool:
        """Tell whether this is meant by a name: its own, an alias, or the file's."""
        names = {self.name, *self.also, self.served.file, self.served.name}
        return name in names or PurePath(name).name in {PurePath(each).name for each in names}


def listed_openai(listing: Event) -> list[Listed]:
    """Return the models of `/v1/models`, with what llama-server writes beside their names."""
    found = []
    for entry in dicts_in(listing.get("data")):
        name = text_in(entry, "id", "name")
        if not name:
            continue
        meta, status = object_in(entry, "meta"), object_in(entry, "status")
        aliases = entry.get("aliases")
        named = PurePath(name).name
        served = Served(
            name=_stem(named),
            file=named if named.endswith(".gguf") else "",
            quantization=text_in(meta, "ftype") or label_in(name) or _label_of(status),
            n_params=maybe_params(meta.get("n_params")),
            size_bytes=maybe_params(meta.get("size")),
        )
        also = tuple(a for a in aliases if isinstance(a, str)) if isinstance(aliases, list) else ()
        loaded = status.get("value") == "loaded"
        found.append(Listed(name, also, _EMBEDS.search(name) is None, loaded, "", served))
    return found


def listed_ollama(tags: Event, running: Event) -> list[Listed]:
    """Return the models of `/api/tags`; those of `/api/ps` are loaded."""
    loaded = {text_in(entry, "name", "model") for entry in dicts_in(running.get("models"))}
    found = []
    for entry in dicts_in(tags.get("models")):
        name = text_in(entry, "name", "model")
        details = object_in(entry, "details")
        family = text_in(details, "family")
        served = Served(
            name=name.removesuffix(":latest"),
            quantization=text_in(details, "quantization_level"),
            architecture=family,
            size_bytes=maybe_params(entry.get("size")),
        )
        is_cloud = re.search(r"(?:[:-]cloud)$", name) is not None
        host = text_in(entry, "remote_host", "remote_model") or ("a cloud" if is_cloud else "")
        generates = _EMBEDS.search(name) is None and "bert" not in family
        also = (name.removesuffix(":latest"),)
        found.append(Listed(name, also, generates, name in loaded, host, served))
    return [each for each in found if each.name]


def listed_lm_studio(listing: Event) -> list[Listed]:
    """Return the models of `/api/v0/models`."""
    found = []
    for entry in dicts_in(listing.get("data")):
        name = text_in(entry, "id")
        served = Served(
            name=PurePath(name).name,
            quantization=text_in(entry, "quantization"),
            architecture=text_in(entry, "arch"),
        )
        generates = text_in(entry, "type") in ("llm", "vlm")
        loaded = text_in(entry, "state") == "loaded"
        found.append(Listed(name, (), generates, loaded, "", served))
    return [each for each in found if each.name]


def choose(models: Sequence[Listed], wanted: str, where: str) -> Listed:
    """Choose a model: the one that is named, else one that is loaded, else the first that fits.

    Raises:
        UsageError: there is no model of that name.
        TargetError: there is none that writes text here.
    """
    if wanted:
        return _named(models, wanted, where)
    fit = [each for each in models if each.generates and not each.host]
    for each in (*(each for each in fit if each.loaded), *fit):
        return each
    if models:
        names = ", ".join(f"{each.name} ({_why_not(each)})" for each in models[:SHOWN_MODELS])
        raise TargetError(
            f"{where} serves no model that writes text here: {names}.",
            "Load one, or name it with --remote-model.",
        )
    raise TargetError(f"{where} serves no model.", "Load one, or name it with --remote-model.")


def _named(models: Sequence[Listed], wanted: str, where: str) -> Listed:
    exact = [each for each in models if each.name == wanted]
    for each in (*exact, *(each for each in models if each.answers_to(wanted))):
        if each.host:
            raise TargetError(
                f"{wanted} runs elsewhere, at {each.host}; replies cost energy there, not here.",
                "Name a model that runs on this machine with --remote-model.",
            )
        if not each.generates:
            raise TargetError(
                f"{wanted} writes no text ({_why_not(each)}).", "Name another with --remote-model."
            )
        return each
    names = [each.name for each in models if each.generates]
    more = f" and {len(names) - SHOWN_MODELS} more" if len(names) > SHOWN_MODELS else ""
    raise UsageError(
        f"{where} has no model {wanted!r}.",
        f"{meant(wanted, names)}It has {', '.join(names[:SHOWN_MODELS])}{more}.",
    )


def _why_not(each: Listed) -> str:
    return f"runs at {each.host}" if each.host else "it embeds or ranks"


def label_in(name: str) -> str:
    """Return the quantisation in a file's name; empty where it holds none."""
    found = _LABEL.findall(PurePath(name).name.removesuffix(".gguf"))
    return str(found[-1]).upper() if found else ""


def maybe_params(value: object) -> int | None:
    """Return a number of parameters or bytes; None where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _label_of(status: Event) -> str:
    arguments = status.get("args")
    files = (
        [each for each in arguments if isinstance(each, str)] if isinstance(arguments, list) else []
    )
    return next(
        (label for each in files if each.endswith(".gguf") and (label := label_in(each))), ""
    )


def _stem(name: str) -> str:
    return name.removesuffix(".gguf")
