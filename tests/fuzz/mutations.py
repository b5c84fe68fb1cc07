"""What files look like that a crash, a bad disk or a stranger left: sound bytes, then changed."""

import json
import math
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from llamawatt.core.errors import LlamawattError

RAW = "RAW:"
DEPTH = 20_000
HOSTILE_TEXTS = ("", " ", "\x1b[31mred\x1b[0m", "\x00", "=1+1", "<script>", "\u202eabc", "nan",
                 "inf", "1e999", "../../etc/passwd", "a\nb", "x" * 9999, "\ud800")  # fmt: skip
HOSTILE_NUMBERS = (0, -1, 1, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**400, 0.0, -0.0,
                   5e-324, 1e308, -1e308, float("nan"), float("inf"), float("-inf"))  # fmt: skip
FINITE = tuple(each for each in HOSTILE_NUMBERS if -math.inf < each < math.inf)
WHOLE = tuple(each for each in HOSTILE_NUMBERS if isinstance(each, int))
HOSTILE_TOKENS = ("[" * DEPTH, "[" * 900 + "]" * 900, '{"a":' * DEPTH, "1e999", "-1e999", "01",
                  "1" * 5000, "tru", "'", "#")  # fmt: skip
HOSTILE_BYTES = (b"", b"\xff", b"\x00", b"\n", b"\n\n\n", b"\xef\xbb\xbf", b"\r", b"null\n",
                 b"[]\n", b"[" * DEPTH, b"{" * DEPTH, b"1" * 5000, b"NaN")  # fmt: skip

values = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(HOSTILE_NUMBERS),
    st.sampled_from(HOSTILE_TEXTS),
    st.sampled_from(HOSTILE_TOKENS).map(lambda token: RAW + token),
    st.just([]),
    st.just({}),
    st.just([None]),
    st.just([[]]),
    st.just({"": None}),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
)


N_USUAL, N_EVERY_COMMIT = 100, 15
"""Examples of the usual profile of this project's tests, and of fuzzing within it."""


def examples(share: int = 1) -> settings:
    """Return how many examples to try: those of the profile, divided by a share.

    What fails is not made smaller: that would take longer than the search.
    """
    n_usual = settings.default.max_examples
    # Every commit tries few; `make fuzz` tries as many as its profile says.
    n_examples = max(3, (n_usual if n_usual > N_USUAL else N_EVERY_COMMIT) // share)
    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    return settings(max_examples=n_examples, phases=phases, suppress_health_check=HealthCheck)


def only_typed(parse: Callable[[], object]) -> None:
    """Run a parser: it may succeed or refuse in words, and nothing else."""
    try:
        parse()
    except LlamawattError as error:
        said = str(error).strip()
    else:
        return
    assert 0 < len(said) < 20_000


@st.composite
def changed_bytes(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """Cut, repeat, overwrite and insert in one of the seeds."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(data))))
        end = draw(st.integers(at, min(len(data), at + draw(st.sampled_from((0, 1, 8, 1 << 20))))))
        new = draw(st.one_of(st.sampled_from(HOSTILE_BYTES), st.binary(max_size=9)))
        data = data[:at] + new + data[end:]
    return data


@st.composite
def changed_value(draw: st.DrawFn, value: object) -> object:
    """Put a hostile value at some place of a document, or leave something out there."""
    if isinstance(value, dict) and value and draw(st.integers(0, 9)):
        key = draw(st.sampled_from(sorted(value)))
        rest = {name: each for name, each in value.items() if name != key}
        if not draw(st.integers(0, 7)):
            return rest
        return {**rest, key: draw(changed_value(value[key]))}
    if isinstance(value, list) and value and draw(st.integers(0, 9)):
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], draw(changed_value(value[at])), *value[at + 1 :]]
    if draw(st.integers(0, 3)):
        # Of the same kind, so that it passes for sound and gets as far as possible.
        if isinstance(value, float):
            return draw(st.sampled_from(FINITE))
        if isinstance(value, int) and not isinstance(value, bool):
            return draw(st.sampled_from(WHOLE))
        if isinstance(value, str):
            return draw(st.sampled_from(HOSTILE_TEXTS[:-1]))
    return draw(values)


def to_json(value: object) -> bytes:
    """Write a document; what stands after RAW goes in as it is, be it JSON or not."""
    text = json.dumps(value)
    at = text.find(f'"{RAW}')
    if at >= 0:
        token = json.loads(text[at : _end_of_string(text, at)])
        text = text[:at] + token[len(RAW) :] + text[_end_of_string(text, at) :]
    return text.encode("utf-8", "surrogatepass")


def _end_of_string(text: str, at: int) -> int:
    end = at + 1
    while text[end] != '"':
        end += 2 if text[end] == "\\" else 1
    return end + 1


@st.composite
def changed_json(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """Change a document in its values, or in its bytes."""
    if not draw(st.integers(0, 4)):
        return draw(changed_bytes(seeds))
    value = json.loads(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 3))):
        value = draw(changed_value(value))
    return to_json(value)


@st.composite
def changed_lines(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """Change one line of a journal, or its bytes; sometimes cut its end as a kill does."""
    lines = draw(st.sampled_from(seeds)).splitlines(keepends=True)
    if not lines or not draw(st.integers(0, 4)):
        return draw(changed_bytes(seeds))
    at = draw(st.sampled_from([n for n, line in enumerate(lines) if line.strip()]))
    prefix = b"data: " if lines[at].startswith(b"data: ") else b""
    lines[at] = prefix + draw(changed_json((lines[at].removeprefix(prefix),))) + b"\n"
    data = b"".join(lines)
    return data[: -draw(st.integers(1, 40))] if not draw(st.integers(0, 5)) else data
