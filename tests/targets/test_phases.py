"""Times that cannot be are no figures: prefill and decode are told apart only where they can be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.analysis.estimates.metrics import trial_metrics
from llamawatt.core.flags import Flag
from llamawatt.core.trials import Purpose, RequestRecord, Status, TrialRecord, Window
from llamawatt.targets.answers import Told
from llamawatt.targets.phases import are_possible
from tests.targets.test_client import TEXT, ask_one

RATES = ("--prefill-tok-per-s", "200", "--decode-tok-per-s", "200")
TRUE_TOK_PER_S = 200


SLOW = ("--prefill-tok-per-s", "50", "--decode-tok-per-s", "50")
SLOW_TOK_PER_S = 50


def ask(api: str, *quirks: str, rates: tuple[str, ...] = RATES) -> RequestRecord:
    return ask_one(api, TEXT, *rates, *(word for each in quirks for word in ("--quirk", each)))


def decode_rate(record: RequestRecord) -> float | None:
    window = Window(record.t0_s, record.t0_s + record.latency_s, record.latency_s)
    trial = TrialRecord(
        1, "t", "arm", {}, "suite", 0, 0, 0, Purpose.SUITE, Status.OK, window, (record,)
    )
    figures = trial_metrics(trial)
    if figures["decode_tok_per_s"] is None:
        assert figures["tpot_s"] is None
    return figures["decode_tok_per_s"]


@pytest.mark.parametrize("api", ["llama-server", "ollama", "fork"])
@pytest.mark.parametrize("times", ["tiny", "huge", "nan", "negative", "text"])
def test_server_times_that_cannot_be_give_no_phases(api: str, times: str) -> None:
    record = ask(api, f"times={times}")
    assert Flag.SERVER_TIMES_IMPOSSIBLE in record.flags
    assert (record.prefill_s, record.decode_s, record.ttft_s) == (None, None, None)
    assert decode_rate(record) is None
    assert record.n_generated == 40
    assert record.latency_s >= 39 / TRUE_TOK_PER_S
    assert record.timed_by == {"latency_s": "client"}


@pytest.mark.parametrize("api", ["llama-server", "ollama", "fork", "llamafile", "llama-swap"])
def test_server_times_that_can_be_are_believed(api: str) -> None:
    record = ask(api)
    assert record.flags == ()
    assert decode_rate(record) == pytest.approx(TRUE_TOK_PER_S)


@pytest.mark.parametrize(
    "quirks",
    [
        ("burst",),
        ("tokens_per_event=16",),
        ("tokens_per_event=40", "counts_each"),
        ("n_hidden=35",),
        ("n_hidden=35", "counts_each"),
    ],
)
def test_a_stream_that_does_not_come_token_by_token_gives_no_phases(
    quirks: tuple[str, ...],
) -> None:
    record = ask("openai", *quirks)
    assert record.flags == (Flag.TOKENS_IN_BURSTS,)
    assert (record.prefill_s, record.decode_s) == (None, None)
    assert decode_rate(record) is None
    assert record.mode == "streamed"
    assert record.ttft_s is not None
    assert record.n_generated == 40


@pytest.mark.serial
@pytest.mark.parametrize("size", [1, 2, 4, 8, 16])
def test_tokens_that_came_with_the_first_are_counted(size: int) -> None:
    """Without that, 16 tokens in the first of some events make a rate that is a third too high.

    Tokens 20 ms apart and a machine to itself: one that comes late joins the next in real time.
    """
    record = ask("vllm", f"tokens_per_event={size}", "counts_each", rates=SLOW)
    assert record.flags == ()
    assert record.n_first == size
    assert decode_rate(record) == pytest.approx(SLOW_TOK_PER_S, rel=0.15)
    assert record.prefill_s is not None
    assert record.prefill_s < 0.5 * record.latency_s


def test_a_stream_that_is_ignored_is_a_whole_answer() -> None:
    for api in ("openai", "vllm", "lm-studio"):
        record = ask(api, "ignores_stream")
        assert record.mode == "whole"
        assert (record.ttft_s, record.prefill_s, record.decode_s) == (None, None, None)
        assert record.n_generated == 40


@pytest.mark.parametrize(
    ("api", "quirks", "n_prompt", "n_cached"),
    [
        ("llama-server", ("n_cached=4",), 2, 4),
        ("fork", ("n_cached=4",), 1, 4),
        ("vllm", ("n_cached=4",), 1, 4),
        ("ollama", ("n_cached=4",), 1, 4),
        ("ollama", ("n_cached=0",), 5, 0),
        ("ollama", ("n_cached=5",), 0, 5),
        ("ollama", (), 5, None),
        ("openai", (), 5, None),
    ],
)
def test_what_came_from_a_cache_was_not_evaluated(
    api: str, quirks: tuple[str, ...], n_prompt: int, n_cached: int | None
) -> None:
    record = ask(api, *quirks)
    assert (record.n_prompt, record.n_cached) == (n_prompt, n_cached)


def test_the_time_to_load_is_recorded() -> None:
    record = ask("ollama", "load_s=0.7")
    assert record.load_s == pytest.approx(0.7)
    assert record.flags == (Flag.LOADED_IN_WINDOW,)
    record = ask("ollama", "load_s=0.01")
    assert record.load_s == pytest.approx(0.01)
    assert record.flags == ()
    assert ask("ollama").load_s is None


@pytest.mark.parametrize("api", ["llama-server", "fork", "llama-swap"])
def test_tokens_of_a_draft_model_are_recorded(api: str) -> None:
    record = ask(api, "draft_n=12")
    assert (record.draft_n, record.draft_n_accepted) == (12, 6)
    assert ask(api).draft_n is None


@given(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(1e-6, 1e4),
    st.integers(1, 64),
)
def test_times_are_believed_only_where_they_fit_into_the_reply(
    prefill_s: float, decode_s: float, latency_s: float, n_parallel: int
) -> None:
    told = Told(10, 64, 0, (prefill_s, decode_s))
    if are_possible(told, latency_s, n_parallel):
        assert prefill_s >= 0
        assert decode_s >= 63e-5
        assert prefill_s + decode_s <= 1.05 * latency_s + 0.005
