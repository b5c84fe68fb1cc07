"""Servers that run already, each as real HTTP on the loopback in its own shape."""

from collections.abc import Mapping
from pathlib import Path

from llamawatt.app.server_look import reports
from llamawatt.core.errors import LlamawattError
from llamawatt.core.flags import Flag
from llamawatt.targets.attach import AttachedServer
from llamawatt.targets.client import Client
from llamawatt.targets.dialects import Ask
from tests.compatibility.case import Case, Observed, Outcome
from tests.targets.fakes import running

AREA = "Servers"
ASK = Ask("compatibility", "five words are in here", 32)
RATES = ("--prefill-tok-per-s", "1000", "--decode-tok-per-s", "1000")


def server(
    system: str,
    given: str,
    api: str,
    *flags: str,
    outcome: Outcome = Outcome.WORKS,
    figures: Mapping[str, float] | None = None,
    said: tuple[str, ...] = (),
    note: str = "",
    model: str = "",
) -> Case:
    """Return the case of a server of a shape."""

    def observe(_: Path) -> Observed:
        try:
            with running("--api", api, *RATES, *flags) as url:
                return observed(url, model)
        except LlamawattError as error:
            return Observed(Outcome.REFUSED, str(error))

    return Case(AREA, system, given, outcome, observe, figures or {}, said, note)


def observed(url: str, model: str) -> Observed:
    """Ask a server once: its counts, and whatever doubt there is."""
    endpoint = AttachedServer(url, model).start()
    with Client(endpoint) as client:
        (record,) = client.run([ASK])
    flags = [*record.flags]
    if record.n_cached is None:
        flags.append(Flag.CACHE_UNKNOWN)
    if record.n_cached:
        flags.append(Flag.PROMPT_CACHED)
    if record.timed_by.get("decode_s") == "client":
        flags.append(Flag.CLIENT_TIMED)
    said = [flag.sentence for flag in flags] + [endpoint.server, *reports(record).values()]
    figures = {"n_prompt": record.n_prompt, "n_generated": record.n_generated}
    return Observed(Outcome.FLAGGED if flags else Outcome.WORKS, " ".join(said), figures)


COUNTS = {"n_prompt": 5, "n_generated": 32}
TEMPLATED = {"n_prompt": 6, "n_generated": 32}
OWN_TIMES = "times by the server"
SEEN = "times seen from here"
NO_PHASES = "whole replies only"
NO_CACHE = "its cache is not told"


def seen_from_here(system: str, api: str, given: str = "one model") -> Case:
    """Return the case of a server that is timed by its stream and tells nothing of its cache."""
    return server(
        system,
        given,
        api,
        outcome=Outcome.FLAGGED,
        figures=COUNTS,
        said=(Flag.CLIENT_TIMED.sentence, Flag.CACHE_UNKNOWN.sentence),
        note=f"{SEEN}; {NO_CACHE}",
    )


CASES = (
    server("llama-server", "one model", "llama-server", figures=TEMPLATED, note=OWN_TIMES),
    server(
        "llama-server",
        "a router of several models",
        "router",
        figures=TEMPLATED,
        said=("llama-server (router)",),
        note=OWN_TIMES,
    ),
    server(
        "llama-server",
        "times of a nanosecond",
        "llama-server",
        "--quirk",
        "times=tiny",
        outcome=Outcome.FLAGGED,
        figures=TEMPLATED,
        said=(Flag.SERVER_TIMES_IMPOSSIBLE.sentence,),
        note=NO_PHASES,
    ),
    server(
        "llama-server",
        "a prompt out of its cache",
        "llama-server",
        "--quirk",
        "n_cached=4",
        outcome=Outcome.FLAGGED,
        figures={"n_prompt": 2, "n_generated": 32},
        said=(Flag.PROMPT_CACHED.sentence,),
    ),
    server(
        "llama-server",
        "a model that it does not have",
        "llama-server",
        model="nope",
        outcome=Outcome.REFUSED,
        said=("no model 'nope'", "fake.gguf"),
    ),
    server("older llama-server, ik_llama.cpp", "no chat template page", "fork", figures=COUNTS),
    server("llamafile", "one model", "llamafile", figures=COUNTS, note=OWN_TIMES),
    server("llama-swap", "several models", "llama-swap", figures=COUNTS, note=OWN_TIMES),
    server(
        "Ollama",
        "a local model",
        "ollama",
        outcome=Outcome.FLAGGED,
        figures=COUNTS,
        said=(Flag.CACHE_UNKNOWN.sentence,),
        note=f"{OWN_TIMES}; {NO_CACHE}",
    ),
    server(
        "Ollama",
        "one that reports its cache",
        "ollama",
        "--quirk",
        "n_cached=0",
        figures=COUNTS,
        note=OWN_TIMES,
    ),
    server(
        "Ollama",
        "a prompt whole in its cache, uncounted",
        "ollama",
        "--quirk",
        "n_cached=5",
        outcome=Outcome.FLAGGED,
        figures={"n_prompt": 0, "n_generated": 32},
        said=(Flag.PROMPT_CACHED.sentence,),
    ),
    server(
        "Ollama",
        "a model loaded for each reply",
        "ollama",
        "--quirk",
        "load_s=0.6",
        outcome=Outcome.FLAGGED,
        figures=COUNTS,
        said=(Flag.LOADED_IN_WINDOW.sentence,),
    ),
    server(
        "Ollama",
        "a model in a cloud",
        "ollama",
        model="big:cloud",
        outcome=Outcome.REFUSED,
        said=("runs elsewhere",),
    ),
    seen_from_here("LM Studio", "lm-studio", "an embedding model listed first"),
    server(
        "KoboldCpp",
        "one model",
        "koboldcpp",
        outcome=Outcome.FLAGGED,
        figures=COUNTS,
        said=("KoboldCpp", Flag.CACHE_UNKNOWN.sentence),
        note=f"{NO_PHASES}; {NO_CACHE}",
    ),
    seen_from_here("vLLM", "vllm"),
    server(
        "vLLM",
        "16 tokens an event, counted in each",
        "vllm",
        "--quirk",
        "tokens_per_event=16",
        "--quirk",
        "counts_each",
        outcome=Outcome.FLAGGED,
        figures=COUNTS,
        said=(Flag.CLIENT_TIMED.sentence,),
        note=SEEN,
    ),
    seen_from_here("SGLang", "sglang"),
    seen_from_here("TabbyAPI", "tabbyapi"),
    seen_from_here("Jan", "jan"),
    seen_from_here("llama-cpp-python", "llama-cpp-python"),
    seen_from_here("another OpenAI server", "openai"),
    server(
        "another OpenAI server",
        "a stream in one burst",
        "openai",
        "--quirk",
        "burst",
        outcome=Outcome.FLAGGED,
        figures=COUNTS,
        said=(Flag.TOKENS_IN_BURSTS.sentence,),
        note=NO_PHASES,
    ),
    server(
        "another OpenAI server",
        "reasoning that is counted and never sent",
        "openai",
        "--quirk",
        "n_hidden=28",
        outcome=Outcome.FLAGGED,
        figures=COUNTS,
        said=(Flag.TOKENS_IN_BURSTS.sentence,),
        note=NO_PHASES,
    ),
    server(
        "another OpenAI server",
        "`ignore_eos` and `stream_options` refused",
        "openai",
        "--quirk",
        "refuses=ignore_eos,stream_options",
        outcome=Outcome.FLAGGED,
        figures=COUNTS,
        said=(Flag.SETTING_REFUSED.sentence, "ignore_eos"),
    ),
    server(
        "another OpenAI server",
        "tokens that are not counted",
        "openai",
        "--fault",
        "no-counts",
        outcome=Outcome.REFUSED,
        said=("did not count the tokens",),
    ),
    server(
        "any server",
        "a key that is not given",
        "llama-server",
        "--api-key",
        "k",
        outcome=Outcome.REFUSED,
        said=("needs a key", "--api-key"),
    ),
    server(
        "any server",
        "an error inside an answer",
        "openai",
        "--fault",
        "error-inside",
        outcome=Outcome.REFUSED,
        said=("out of slots",),
    ),
    server(
        "any server",
        "a proxy whose server is down",
        "openai",
        "--fault",
        "bad-gateway",
        outcome=Outcome.REFUSED,
        said=("A proxy", "502 Bad Gateway"),
    ),
    server(
        "any server",
        "a redirect to a login",
        "openai",
        "--fault",
        "redirect",
        outcome=Outcome.REFUSED,
        said=("redirects to https://login.example",),
    ),
)
