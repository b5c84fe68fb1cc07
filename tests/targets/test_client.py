"""One client for every API: counts from the server, times of first and last byte, no hang."""

import json
import re
import threading
import time
from concurrent.futures import CancelledError

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.clock import FakeClock
from llamawatt.core.errors import TargetError
from llamawatt.core.flags import Flag
from llamawatt.core.trials import RequestRecord
from llamawatt.targets.attach import AttachedServer
from llamawatt.targets.base import Endpoint
from llamawatt.targets.client import Client
from llamawatt.targets.dialects import Ask
from llamawatt.targets.protocols import protocol_of
from llamawatt.targets.stream import receive
from llamawatt.testing import fake_api as fakeapi
from tests.targets.fakes import running

TEXT = Ask("text", "five words are in here", 40)
SHAPE = Ask("shape", (11, 12, 13), 40)
RATES = ("--prefill-tok-per-s", "100", "--decode-tok-per-s", "500")


def ask_one(api: str, ask: Ask, *flags: str) -> RequestRecord:
    with running("--api", api, *flags) as url, Client(AttachedServer(url).start()) as client:
        return client.run([ask])[0]


@pytest.mark.parametrize("api", ["llama-server", "ollama"])
def test_a_server_that_times_itself_is_believed(api: str) -> None:
    record = ask_one(api, TEXT, *RATES)
    n_words = 6 if api == "llama-server" else 5  # the template puts the role in front
    assert (record.n_prompt, record.n_generated) == (n_words, 40)
    assert record.prefill_s == pytest.approx(n_words / 100)
    assert record.decode_s == pytest.approx(39 / 500)
    assert record.timed_by == {
        "latency_s": "client",
        "ttft_s": "server",
        "prefill_s": "server",
        "decode_s": "server",
    }
    assert record.finish in ("limit", "length")
    assert record.ttft_s is not None
    assert n_words / 100 <= record.ttft_s < record.latency_s


def test_a_server_that_does_not_time_itself_is_timed_by_the_first_token() -> None:
    record = ask_one("openai", TEXT, *RATES)
    assert (record.n_prompt, record.n_generated, record.finish) == (5, 40, "length")
    assert set(record.timed_by.values()) == {"client"}
    assert record.prefill_s == record.ttft_s
    assert record.prefill_s is not None
    assert record.decode_s is not None
    assert record.prefill_s + record.decode_s == pytest.approx(record.latency_s)
    assert 0 < record.decode_s < record.latency_s
    assert record.latency_s >= 39 / 500


def test_token_ids_go_to_a_llama_server_as_they_are() -> None:
    assert ask_one("llama-server", SHAPE).n_prompt == 3


@pytest.mark.parametrize("api", ["ollama", "openai"])
def test_token_ids_cannot_go_elsewhere(api: str) -> None:
    with pytest.raises(TargetError, match="takes no token ids"):
        ask_one(api, SHAPE)


@pytest.mark.parametrize("api", ["llama-server", "ollama", "openai"])
def test_tokens_that_the_server_did_not_count_are_not_counted_in_words(api: str) -> None:
    with pytest.raises(TargetError, match=r"gave no timings|did not count the tokens"):
        ask_one(api, TEXT, "--fault", "no-counts")


def test_the_end_of_an_answer_is_not_waited_for_longer_than_it_takes() -> None:
    with running(*RATES) as url, Client(Endpoint(url)) as client:
        (record,) = client.run([Ask("long", (1,), 400)])
    assert record.decode_s is not None
    assert record.ttft_s is not None
    assert record.ttft_s < record.latency_s / 2
    assert 399 / 500 <= record.latency_s < 3 * 399 / 500 + 1


def test_the_reader_is_woken_seldom() -> None:
    """A token that wakes a reader takes time from the cores that are measured."""
    import resource

    def switches() -> int:
        return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw

    with running("--decode-tok-per-s", "1000") as url, Client(Endpoint(url)) as client:
        client.run([SHAPE])
        before = switches()
        client.run([Ask("long", (1,), 1000)])
        assert switches() - before < 50


def test_streams_run_side_by_side_and_come_back_in_order() -> None:
    asks = [Ask(f"ask-{number}", (1,) * (number + 1), 100) for number in range(8)]
    with (
        running("-np", "8", "--decode-tok-per-s", "200") as url,
        Client(Endpoint(url), 8) as client,
    ):
        t0_s = time.monotonic()
        records = client.run(asks, n_parallel=8)
        elapsed_s = time.monotonic() - t0_s
    assert [record.prompt_id for record in records] == [ask.prompt_id for ask in asks]
    assert [record.n_prompt for record in records] == list(range(1, 9))
    assert elapsed_s < 8 * 99 / 200
    assert all(record.timed_by["ttft_s"] == "server" for record in records)
    assert all(record.timed_by["decode_s"] == "server" for record in records)


def test_few_streams_are_streamed_each() -> None:
    with running("--api", "openai", "-np", "2") as url:
        endpoint = AttachedServer(url).start()
        with Client(endpoint, 2) as client:
            records = client.run([TEXT] * 3, n_parallel=2)
    assert all(record.timed_by["ttft_s"] == "client" for record in records)


def test_whole_answers_of_an_openai_server_have_no_phases() -> None:
    with running("--api", "openai", "-np", "5") as url:
        endpoint = AttachedServer(url).start()
        with Client(endpoint, 5) as client:
            records = client.run([TEXT] * 5, n_parallel=5)
    assert {(record.ttft_s, record.prefill_s, record.decode_s) for record in records} == {
        (None, None, None)
    }
    assert records[0].timed_by == {"latency_s": "client"}


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("cut-midway", "broke off"),
        ("error-midway", "out of slots"),
        ("html", r"could not apply|holds no JSON; it begins '<html>"),
        ("never-healthy", "answered 503: Loading model"),
    ],
)
@pytest.mark.parametrize("n_parallel", [1, 3])
def test_what_a_server_does_wrong_is_said(fault: str, complaint: str, n_parallel: int) -> None:
    with (
        running("--fault", fault, "-np", "3") as url,
        Client(Endpoint(url), n_parallel) as client,
        pytest.raises(TargetError, match=complaint),
    ):
        client.run([SHAPE] * n_parallel, n_parallel=n_parallel)


def test_a_server_that_is_not_there_is_an_error() -> None:
    with running() as url:
        endpoint = Endpoint(url)
    with Client(endpoint) as client, pytest.raises(TargetError, match="broke off"):
        client.run([SHAPE])


def test_a_server_that_stalls_is_given_up() -> None:
    with (
        running("--fault", "stall-midway") as url,
        Client(Endpoint(url), timeout_s=0.5) as client,
        pytest.raises(TargetError, match=r"broke off \(.*(timed out|Timeout)"),
    ):
        client.run([SHAPE])


@pytest.mark.parametrize("n_asks", [4, 8])
def test_closing_hangs_up_on_what_still_runs(n_asks: int) -> None:
    """Ctrl-C closes the client: streams that stall for an hour must not hold it up."""
    with running("--fault", "stall-midway", "-np", "4") as url:
        client = Client(Endpoint(url), 4)
        failures: list[Exception] = []

        def work() -> None:
            try:
                client.run([SHAPE] * n_asks, n_parallel=4)
            except (TargetError, CancelledError) as error:
                failures.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(0.5)
        client.__exit__(None, None, None)
        thread.join(20)
        assert not thread.is_alive()
        assert failures


def test_one_failure_ends_the_streams_beside_it() -> None:
    """No stray request may run into the next window."""
    asks = [Ask("slow", (1,), 100_000), Ask("slow", (1,), 100_000), Ask("big", (1,) * 900, 1)]
    with (
        running("-np", "3", "-c", "1500", "--decode-tok-per-s", "10") as url,
        Client(Endpoint(url), 3) as client,
    ):
        with pytest.raises(TargetError, match=r"900 tokens.*exceeds the available context"):
            client.run(asks, n_parallel=3)
        assert client.run([Ask("after", (1,), 2)])[0].n_generated == 2


@given(st.lists(st.integers(1, 200), min_size=1, max_size=60), st.binary(max_size=40))
def test_an_answer_is_the_same_however_it_is_cut(sizes: list[int], noise: bytes) -> None:
    job = fakeapi.Job("llama-server", 3, 4, 0.5, 0.25, streamed=True)
    events = [fakeapi.token_event(job, number) for number in range(4)]
    data = (
        b": "
        + noise.replace(b"{", b"")
        + b"\n\n"
        + b"".join(events)
        + fakeapi.last_event(job, True)
    )
    chunks = cut(data, sizes)
    answer = receive(iter(chunks), FakeClock(), re.compile(rb"\{"))
    assert answer.first_s == 0.0
    timings = answer.events[-1]["timings"]
    assert isinstance(timings, dict)
    assert (timings["prompt_n"], timings["predicted_n"]) == (3, 4)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    chunks = []
    for size in sizes:
        chunks.append(data[:size])
        data = data[size:]
    return [chunk for chunk in (*chunks, data) if chunk]


def test_a_long_answer_is_not_kept_whole() -> None:
    job = fakeapi.Job("llama-server", 3, 4, 0.5, 0.25, streamed=True)
    chunks = [fakeapi.token_event(job, 1)] * 20_000 + [fakeapi.last_event(job, True)]
    answer = receive(iter(chunks), FakeClock(), None)
    assert answer.first_s is None
    assert len(answer.events) < 200
    assert "timings" in answer.events[-1]


def test_a_pretty_printed_answer_is_read_whole() -> None:
    text = json.dumps({"timings": {"prompt_n": 1}, "nested": {"a": [1, 2]}}, indent=2)
    answer = receive(iter([text.encode()]), FakeClock(), None)
    assert answer.events == (json.loads(text),)


@pytest.mark.parametrize(
    ("refused", "without"),
    [
        ("ignore_eos", ("ignore_eos",)),
        ("stream_options", ("stream_options",)),
        ("continuous_usage_stats", ("continuous_usage_stats",)),
        ("seed,temperature", ("seed", "temperature")),
        ("stream", ("stream",)),
        ("ignore_eos,stream_options,cache_prompt", ("ignore_eos", "stream_options")),
    ],
)
@pytest.mark.parametrize("quirk", ["refuses", "refuses_silently"])
def test_an_optional_setting_that_is_refused_is_left_out(
    quirk: str, refused: str, without: tuple[str, ...]
) -> None:
    record = ask_one("openai", TEXT, "--quirk", f"{quirk}={refused}")
    assert set(without) <= set(record.without)
    assert Flag.SETTING_REFUSED in record.flags
    assert record.n_generated == 40
    if quirk == "refuses":
        assert set(record.without) == set(without)


def test_a_stream_without_usage_is_asked_for_whole() -> None:
    for api in ("openai", "lm-studio", "jan"):
        record = ask_one(api, TEXT, "--quirk", "no_stream_usage")
        assert (record.n_generated, record.mode) == (40, "whole")
        assert record.without == ("stream",)


@pytest.mark.parametrize("api", ["vllm", "fork", "openai"])
def test_what_is_refused_for_another_reason_is_said_in_the_first_words(api: str) -> None:
    with pytest.raises(TargetError, match="exceeds the available context"):
        ask_one(api, TEXT, "-c", "2")


@pytest.mark.parametrize("api", ["llama-server", "ollama", "openai", "fork"])
def test_an_error_inside_an_answer_is_an_error(api: str) -> None:
    with pytest.raises(TargetError, match="answered with an error: out of slots"):
        ask_one(api, TEXT, "--fault", "error-inside")


@pytest.mark.parametrize("api", ["router", "llama-swap"])
def test_a_router_is_told_the_model_in_every_request(api: str) -> None:
    assert ask_one(api, TEXT).n_generated == 40


def test_the_reason_comes_from_the_last_choice_that_has_one() -> None:
    assert ask_one("openai", TEXT).finish == "length"
    assert ask_one("koboldcpp", TEXT).finish == "length"
    assert ask_one("vllm", TEXT, "--quirk", "counts_each").finish == "length"


@pytest.mark.parametrize(
    ("api", "mode"), [("llama-server", "whole"), ("ollama", "whole"), ("openai", "streamed")]
)
def test_how_an_answer_came_is_recorded(api: str, mode: str) -> None:
    assert ask_one(api, TEXT).mode == mode


@pytest.mark.parametrize("api", ["llama-server", "ollama", "openai"])
def test_a_body_without_an_end_is_given_up(api: str) -> None:
    """Memory is bounded: what is not kept is not read for ever either."""
    with pytest.raises(TargetError, match=r"sent more than \d+ MiB for one reply"):
        ask_one(api, TEXT, "--fault", "endless")


@pytest.mark.parametrize("api", ["llama-server", "ollama", "openai"])
def test_a_server_that_trickles_is_given_up(api: str) -> None:
    with running("--api", api, "--fault", "trickle") as url:
        endpoint = AttachedServer(url).start()
        with (
            Client(endpoint, limit_s=0.5) as client,
            pytest.raises(TargetError, match="took more than 0 s over one reply"),
        ):
            client.run([TEXT])


@pytest.mark.parametrize("n_more", [-100, 10**9])
def test_a_count_that_cannot_be_is_none(n_more: int) -> None:
    with pytest.raises(TargetError, match=r"count of .* cannot be"):
        ask_one("llama-server", TEXT, "--quirk", f"n_more={n_more}")


def test_an_ollama_model_that_answers_from_a_cloud_is_refused() -> None:
    with pytest.raises(TargetError, match=r"runs elsewhere, at https://cloud\.example"):
        ask_one("ollama", TEXT, "--quirk", "runs_at=https://cloud.example")


@pytest.mark.parametrize("kind", ["llama-server", "ollama", "openai"])
def test_settings_of_a_request_reach_its_body(kind: str) -> None:
    with httpx.Client() as http:
        asked = protocol_of(Endpoint("http://u", kind, model="m"), http, 3, {"top_k": 1})
        body = json.loads(asked.prepare(SHAPE if kind == "llama-server" else TEXT, True, False))
    settings = body["options"] if kind == "ollama" else body
    assert (settings["top_k"], settings["temperature"], settings["seed"]) == (1, 0.0, 3)


def test_samplers_are_refused_where_no_llama_server_answers() -> None:
    with pytest.raises(TargetError, match="samplers cannot be set"), httpx.Client() as http:
        protocol_of(Endpoint("http://u", "ollama"), http, 0, {"samplers": ["top_k"]})
