"""Whatever a client sends gets an answer in OpenAI's form, never a 500."""

import asyncio
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.errors import UsageError
from llamawatt.gateway.hashing import hash_of
from llamawatt.gateway.server.asked import understand
from llamawatt.gateway.server.errors import ApiError
from llamawatt.gateway.server.keys import require_safe
from llamawatt.gateway.server.relay import with_energy
from tests.gateway.serving import CHAT, attached, configured, fake, serving

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = st.sampled_from(["model", "messages", "stream", "max_tokens", "prompt", "input", "x"])


def error_of(text: str) -> dict:
    error = json.loads(text)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    return error


@given(
    body=st.binary(max_size=200)
    | st.dictionaries(FIELDS, json_values).map(lambda v: json.dumps(v).encode())
)
def test_no_body_does_more_than_be_refused(body):
    try:
        found = understand("/v1/chat/completions", body)
    except ApiError as refused:
        status = refused.status
    else:
        status = 400 if found.raw == body else 0
    assert 400 <= status < 500


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"messages":' + b"[" * 50_000, b"", b"\xff", b"1", b"null"]
)
def test_hostile_bodies_are_refused(body):
    with pytest.raises(ApiError) as refused:
        understand("/v1/chat/completions", body)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/v1/chat/completions", "{", 400, "no valid JSON"),
        ("/v1/chat/completions", "[]", 400, "JSON object"),
        ("/v1/chat/completions", '{"model": 3}', 400, "`model`"),
        ("/v1/chat/completions", '{"model": "tiny", "stream": "yes"}', 400, "`stream`"),
        ("/v1/chat/completions", '{"model": "tiny", "max_tokens": "many"}', 400, "whole number"),
        (
            "/v1/chat/completions",
            '{"model": "gpt-9", "messages": []}',
            404,
            "'gpt-9' does not exist",
        ),
        ("/v1/nothing", "{}", 404, "no /v1/nothing"),
        ("/v1/models/none", None, 404, "does not exist"),
        ("/v1/energy/receipts/none", None, 404, "no answer"),
        ("/v1/models", "{}", 405, "takes"),
        ("/v1/embeddings", '{"model": "tiny", "input": "x"}', 404, "File Not Found"),
    ],
)
def test_a_wrong_request_is_refused_in_openais_form(tmp_path, path, body, status, said):
    async def run():
        async with (
            fake() as url,
            serving(tmp_path, {"a": attached(url)}, ready=False) as (_, client),
        ):
            method = "GET" if body is None else "POST"
            async with client.request(method, path, data=body) as answer:
                text = await answer.text()
                assert answer.status == status, text
                assert answer.content_type == "application/json"
                if "File" not in said:  # a backend's own error is passed on as it came
                    error_of(text)
                assert said in text

    asyncio.run(run())


def test_a_prompt_over_the_context_is_refused_by_the_backend_or_by_our_limit(tmp_path):
    async def run():
        long = CHAT | {"messages": [{"role": "user", "content": "word " * 5000}]}
        async with (
            fake(n_ctx=6400) as url,
            serving(tmp_path, {"a": attached(url)}, ready=False) as (_, client),
        ):
            async with client.post("/v1/chat/completions", json=long) as answer:
                assert answer.status == 400
                assert "exceeds the available context" in await answer.text()
        limits = {"prompt_tokens": 100}
        async with (
            fake() as url,
            serving(tmp_path, {"a": attached(url)}, ready=False, limits=limits) as (_, client),
        ):
            async with client.post("/v1/chat/completions", json=long) as answer:
                assert answer.status == 400
                assert error_of(await answer.text())["code"] == "context_length_exceeded"

    asyncio.run(run())


def test_bodies_headers_and_queues_have_limits(tmp_path):
    async def run():
        limits = {"body_bytes": 2000, "header_bytes": 2000, "queue": 2, "requests_per_key": 3}
        async with (
            fake(decode_tok_per_s=20) as url,
            serving(tmp_path, {"a": attached(url, slots=1)}, ready=False, limits=limits) as (
                _,
                client,
            ),
        ):
            big = CHAT | {"messages": [{"role": "user", "content": "x" * 3000}]}
            async with client.post("/v1/chat/completions", json=big) as answer:
                assert answer.status == 413
                error_of(await answer.text())
            async with client.get("/health", headers={"X-Big": "x" * 5000}) as answer:
                assert answer.status == 400
            async with client.post("/v1/chat/completions", json=CHAT) as answer:
                assert answer.status in (200, 503)  # starts it

            async def one():
                async with client.post("/v1/chat/completions", json=CHAT) as answer:
                    return answer.status, await answer.text()

            found = await asyncio.gather(*(one() for _ in range(6)))
            statuses = sorted(status for status, _ in found)
            assert statuses.count(200) >= 1
            assert 429 in statuses
            assert set(statuses) <= {200, 429, 503}

    asyncio.run(run())


def test_a_key_is_needed_where_keys_are_configured_and_its_budget_ends(tmp_path):
    keys = [
        {"name": "me", "sha256": hash_of("a-long-enough-key")},
        {"name": "poor", "sha256": hash_of("another-long-key"), "joules_per_day": 1e-6},
    ]

    async def run():
        async with (
            fake(decode_tok_per_s=50) as url,
            serving(tmp_path, {"a": attached(url)}, keys=keys) as (_, client),
        ):

            async def status(path="/v1/models", **headers):
                async with client.get(path, headers=headers) as answer:
                    return answer.status

            assert await status() == 401
            assert await status(Authorization="Bearer wrong") == 401
            assert await status(Authorization="Bearer ") == 401
            assert await status("/metrics") == 401
            assert await status("/v1/energy") == 401
            assert await status("/health") == 200
            assert await status(Authorization="Bearer a-long-enough-key") == 200
            assert await status(**{"x-api-key": "a-long-enough-key"}) == 200
            poor = {"Authorization": "Bearer another-long-key"}
            async with client.post(
                "/v1/chat/completions", json=CHAT | {"max_tokens": 30}, headers=poor
            ) as answer:
                assert answer.status == 200
            for _ in range(100):
                async with client.post("/v1/chat/completions", json=CHAT, headers=poor) as answer:
                    text = await answer.text()
                if answer.status == 429:
                    break
                await asyncio.sleep(0.1)
            assert error_of(text)["code"] == "insufficient_quota"

    asyncio.run(run())


def test_doors_do_not_stand_open_to_the_network():
    keys = configured({"a": attached("http://127.0.0.1:1")}).keys
    for host in ("0.0.0.0", "192.168.1.2", "::", "example.org"):
        server = configured({"a": attached("http://127.0.0.1:1")}, server={"host": host}).server
        with pytest.raises(UsageError, match="everybody"):
            require_safe(server, keys)
    for host in ("127.0.0.1", "::1", "localhost"):
        require_safe(configured({"a": attached("http://x")}, server={"host": host}).server, keys)


@given(fields=st.dictionaries(st.text(max_size=5), json_values, max_size=4))
def test_energy_is_put_into_an_answer_without_touching_the_rest(fields):
    payload = json.dumps(fields).encode()
    found = with_energy(payload, {"energy_joules": 1.5})
    assert found.startswith(payload[:-1])
    assert json.loads(found)["energy"] == {"energy_joules": 1.5}


def test_no_fuzzed_body_over_http_is_a_5xx(tmp_path):
    rng = random.Random(5)

    async def run():
        async with (
            fake() as url,
            serving(tmp_path, {"a": attached(url)}, ready=False) as (_, client),
        ):
            whole = json.dumps(CHAT | {"model": "no"}).encode()
            for _ in range(300):
                body = bytearray(whole)
                for _ in range(rng.randint(1, 6)):
                    body[rng.randrange(len(body))] = rng.randrange(256)
                async with client.post("/v1/chat/completions", data=bytes(body)) as answer:
                    assert answer.status < 500, bytes(body)

    asyncio.run(run())
