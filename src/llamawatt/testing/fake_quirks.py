"""What a fake server does differently from a plain one, each a field that a flag sets."""

from collections.abc import Sequence
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Quirks:
    """How answers differ from those of a plain server.

    Attributes:
        refuses: Settings that it refuses with 400, naming them.
        refuses_silently: Settings that it refuses with 400 and no more words than that.
        tokens_per_event: Tokens in one event of a stream.
        n_hidden: Tokens that are generated and counted first, and never sent.
        burst: Whether a stream is kept back and sent at its end.
        ignores_stream: Whether it answers whole whatever is asked.
        no_stream_usage: Whether a stream has no usage.
        counts_each: Whether every event of a stream has its usage, where that is asked for.
        times: What its own times are: `true`, `tiny`, `huge`, `nan`, `negative`, `text` or `none`.
        n_cached: Prompt tokens that come from its cache; -1 where it says nothing of one.
        n_more: Tokens by which its count of generated ones is off.
        load_s: What it calls its loading time; -1 where it says nothing of it.
        draft_n: Tokens of a draft model; -1 where it says nothing of one.
        runs_at: Host of a cloud in which it says that the model runs.
    """

    refuses: str = ""
    refuses_silently: str = ""
    tokens_per_event: int = 1
    n_hidden: int = 0
    burst: bool = False
    ignores_stream: bool = False
    no_stream_usage: bool = False
    counts_each: bool = False
    times: str = "true"
    n_cached: int = -1
    n_more: int = 0
    load_s: float = -1.0
    draft_n: int = -1
    runs_at: str = ""

    def stated_s(self, time_s: float) -> object:
        """Return a time as the server states it."""
        stated: dict[str, object] = {
            "true": time_s,
            "tiny": 1e-9,
            "huge": time_s * 1e3 + 1e3,
            "nan": float("nan"),
            "negative": -time_s - 1e-3,
            "text": "soon",
        }
        return stated[self.times]


def quirks_from(given: Sequence[str]) -> Quirks:
    """Parse `name=value`; a name alone switches on.

    Raises:
        ValueError: there is no such quirk, or the value does not fit.
    """
    plain = Quirks()
    kinds = {field.name: type(getattr(plain, field.name)) for field in fields(Quirks)}
    values: dict[str, object] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if name not in kinds:
            raise ValueError(f"no quirk {name!r}; there are {', '.join(kinds)}")
        kind = kinds[name]
        values[name] = (value != "0" if equals else True) if kind is bool else kind(value)
    return Quirks(**values)  # type: ignore[arg-type]  # each is of its field's type
