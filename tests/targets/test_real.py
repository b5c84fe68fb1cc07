"""Real llama.cpp, a real model: the embedded server behaves as llama-server does."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from llamawatt.core.clock import SystemClock
from llamawatt.core.errors import LlamawattError, TargetError, UsageError
from llamawatt.models.fetch.catalog import resolve_model
from llamawatt.targets import launcher
from llamawatt.targets.access import Access
from llamawatt.targets.attach import AttachedServer
from llamawatt.targets.base import Endpoint
from llamawatt.targets.client import Client
from llamawatt.targets.dialects import Ask
from llamawatt.targets.launcher import ServerProcess, embedded_program
from llamawatt.targets.several import client_of, target_of
from llamawatt.targets.spec import make_spec
from llamawatt.testing.target_contract import assert_target_contract
from tests.targets.fakes import running

pytestmark = pytest.mark.serial

MODEL = "LLAMAWATT_TEST_MODEL"
SMALL = {"n_ctx": 1024, "n_parallel": 1, "n_gpu_layers": 0}
TEXT = Ask("text", "Name a colour.", 12)
SHAPE = Ask("shape", tuple(range(300, 364)), 8)


@pytest.fixture(scope="module")
def model() -> Path:
    if MODEL in os.environ:
        return Path(os.environ[MODEL])
    try:
        return resolve_model().path
    except LlamawattError as error:
        pytest.skip(f"no model: {error}")


def server(model: Path, **settings: object) -> ServerProcess:
    return ServerProcess(embedded_program(), model, make_spec({**SMALL, **settings}))


@pytest.fixture(scope="module")
def endpoint(model: Path) -> Iterator[Endpoint]:
    target = server(model, n_parallel=2, n_ctx=2048)
    yield target.start()
    target.stop()


def test_the_embedded_server_keeps_the_contract(model: Path) -> None:
    assert_target_contract(lambda: server(model))


def test_it_counts_and_times_on_the_server(endpoint: Endpoint) -> None:
    with Client(endpoint) as client:
        shape, text = client.run([SHAPE, TEXT])
    assert (shape.n_prompt, shape.n_generated, shape.n_cached) == (64, 8, 0)
    assert text.n_generated == 12
    assert text.n_prompt > 10  # the chat template is around it
    for record in (shape, text):
        assert record.timed_by["decode_s"] == "server"
        assert record.finish == "limit"
        assert record.ttft_s is not None
        assert record.prefill_s is not None
        assert record.decode_s is not None
        assert record.prefill_s <= record.ttft_s < record.latency_s
        assert record.prefill_s + record.decode_s <= record.latency_s


def test_the_same_prompt_is_evaluated_again_and_ends_the_same(endpoint: Endpoint) -> None:
    with Client(endpoint) as client:
        records = client.run([TEXT] * 3, fixed_length=False)
    assert {record.n_prompt for record in records} == {records[0].n_prompt}
    assert {record.n_generated for record in records} == {records[0].n_generated}
    assert {record.n_cached for record in records} == {0}


def test_one_predicted_token_takes_no_decode_step(endpoint: Endpoint) -> None:
    with Client(endpoint) as client:
        (record,) = client.run([Ask("one", SHAPE.prompt, 1)])
    assert record.n_generated == 1
    assert record.decode_s is not None
    assert record.prefill_s is not None
    assert record.decode_s < record.prefill_s / 100


def test_streams_share_it(endpoint: Endpoint) -> None:
    with Client(endpoint, 2) as client:
        records = client.run([SHAPE] * 4, n_parallel=2)
    assert [record.n_generated for record in records] == [8] * 4


def test_it_answers_the_openai_way(endpoint: Endpoint) -> None:
    chat = Endpoint(endpoint.url, "openai", model="any", access=endpoint.access)
    with Client(chat) as client, Client(endpoint) as plain:
        (record,) = client.run([TEXT])
        (same,) = plain.run([TEXT])
    assert (record.n_generated, record.finish) == (12, "length")
    assert record.n_prompt + record.n_cached == same.n_prompt
    assert record.timed_by["decode_s"] == "server"
    assert record.ttft_s is not None


def test_nobody_without_the_key_is_answered_and_no_listing_shows_it(endpoint: Endpoint) -> None:
    with (
        Client(replace(endpoint, access=Access())) as stranger,
        pytest.raises(TargetError, match="401"),
    ):
        stranger.run([SHAPE])
    command = psutil.Process(endpoint.pid).cmdline()
    assert endpoint.access.api_key
    assert not any(endpoint.access.api_key in word for word in command)
    assert endpoint.access.api_key not in repr(endpoint)


def test_settings_of_a_request_are_taken_and_differ_without_a_new_server(
    endpoint: Endpoint,
) -> None:
    spec = make_spec({**SMALL, "samplers": ["top_k"], "top_k": 1})
    with Client(endpoint, request=spec.request_settings()) as client:
        (record,) = client.run([SHAPE])
    assert record.n_generated == 8


def test_two_servers_share_the_streams(model: Path) -> None:
    spec = make_spec({**SMALL, "n_parallel": 4, "n_servers": 2, "env": {"OMP_NUM_THREADS": 1}})
    target = target_of(embedded_program(), model, spec, SystemClock())
    endpoint = target.start()
    try:
        pids = [endpoint.pid, *(partner.pid for partner in endpoint.partners)]
        assert len(set(pids)) == 2
        variables = [psutil.Process(pid).environ()["OMP_NUM_THREADS"] for pid in pids]
        assert variables == ["1", "1"]
        with client_of(endpoint, spec, 0, SystemClock()) as client:
            records = client.run([SHAPE] * 4, n_parallel=4, fixed_length=True)
        assert [record.n_generated for record in records] == [8] * 4
    finally:
        target.stop()
    assert not any(psutil.pid_exists(pid) for pid in pids if pid)


@pytest.mark.parametrize(
    "settings",
    [
        {"kv_unified": True},
        {"kv_unified": False},
        {"backend_sampling": True},
        {"fit": "off"},
        {"n_threads_http": 2},
        {"n_cpu_moe": 1},
        {"cache_reuse": 32},
        {"spec_type": "ngram-simple"},
    ],
)
def test_every_new_setting_serves(model: Path, settings: dict[str, object]) -> None:
    target = server(model, **settings)
    with Client(target.start()) as client:
        assert client.run([SHAPE])[0].n_generated == 8
    target.stop()


def test_polling_is_said_to_have_no_effect_where_openmp_waits(model: Path) -> None:
    target = server(model, poll=0)
    assert "poll=0 has no effect" in " ".join(target.start().notes)
    target.stop()


def test_a_prompt_beyond_the_context_is_refused_in_words(endpoint: Endpoint) -> None:
    with Client(endpoint) as client, pytest.raises(TargetError, match="context"):
        client.run([Ask("long", tuple(range(300, 1900)), 4)])


@pytest.mark.parametrize("n_threads", [1, 2])
def test_it_computes_with_as_many_threads_as_it_was_told(model: Path, n_threads: int) -> None:
    target = server(model, n_threads=n_threads)
    endpoint = target.start()
    process = psutil.Process(endpoint.pid)

    def busy_threads() -> dict[int, float]:
        return {thread.id: thread.user_time for thread in process.threads()}

    with Client(endpoint) as client:
        for ask in (Ask("prefill", tuple(range(300, 556)), 1), Ask("decode", (300,), 48)):
            before = busy_threads()
            client.run([ask] * 2)
            spent = [time_s - before.get(tid, 0.0) for tid, time_s in busy_threads().items()]
            busiest = max(spent)
            assert sum(time_s > busiest / 4 for time_s in spent) == n_threads
    target.stop()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"hello, I am no model", "is no GGUF"), (None, "is cut short")],
)
def test_a_broken_model_is_named(
    model: Path, tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(content or model.read_bytes()[:1_000_000])
    with pytest.raises(TargetError, match=complaint) as caught:
        server(path).start()
    assert str(path) in str(caught.value)


def test_a_taken_port_is_said(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running() as url:
        monkeypatch.setattr(launcher, "free_port", lambda: int(url.rsplit(":", 1)[1]))
        with pytest.raises(TargetError, match="port is taken"):
            server(model).start()


def test_flags_of_llama_server_that_are_not_sent_are_known_too(model: Path) -> None:
    extra = (
        "--no-webui",
        "--no-warmup",
        "--sleep-idle-seconds",
        "60",
    )
    target = server(
        model, extra=extra, flash_attn="on", cache_type_k="q8_0", n_ubatch=64, poll=0, cpu_mask="3"
    )
    with Client(target.start()) as client:
        assert client.run([SHAPE])[0].n_generated == 8
    target.stop()


def test_a_running_one_is_recognised_and_its_model_named(endpoint: Endpoint) -> None:
    with pytest.raises(TargetError, match="needs a key"):
        AttachedServer(endpoint.url).start()
    found = AttachedServer(endpoint.url, access=endpoint.access).start()
    assert (found.kind, found.server, found.build) == (
        "llama-server",
        "llama-server",
        endpoint.build,
    )
    assert found.served.quantization == "Q4_1"
    assert found.served.n_params is not None
    with Client(found) as client:
        (record,) = client.run([SHAPE])
    assert (record.mode, record.flags, record.n_cached) == ("whole", (), 0)
    with pytest.raises(UsageError, match="no model 'nope'"):
        AttachedServer(endpoint.url, "nope", endpoint.access).start()
