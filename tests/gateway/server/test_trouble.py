"""Targets that die, clients that go, disks that fill: every request ends, nothing is kept busy."""

import asyncio
import contextlib
import os
import signal
import socket
import sqlite3

import pytest

from llamawatt.core.errors import UsageError
from llamawatt.gateway.config.read import Source
from llamawatt.gateway.policy.router import State
from llamawatt.gateway.server.gateway import Gateway
from llamawatt.gateway.server.run import running
from tests.gateway.serving import (
    CHAT,
    attached,
    binary,
    configured,
    data_of,
    fake,
    receipt_id,
    seams,
    serving,
    settled,
)


def test_a_target_is_started_on_demand_and_unloaded_when_silent(tmp_path):
    async def run():
        own = {"a": binary(tmp_path, unload_after_s=1.0)}
        async with serving(tmp_path, own) as (gateway, client):
            target = gateway.pool.targets[0]
            assert target.state is State.OFF
            async with client.post("/v1/chat/completions", json=CHAT) as answer:
                assert answer.status == 200
            pid = target.endpoint.pid
            assert os.path.exists(f"/proc/{pid}")
            while target.state is not State.OFF:
                await asyncio.sleep(0.05)
            for _ in range(100):
                if not os.path.exists(f"/proc/{pid}"):
                    break
                await asyncio.sleep(0.05)
            assert not os.path.exists(f"/proc/{pid}")  # unloaded means its process is gone
            async with client.post("/v1/chat/completions", json=CHAT) as answer:
                assert answer.status == 200
            assert (target.n_starts, target.n_unloads) == (2, 1)
            assert gateway.meters.totals().alone_j > 0

    asyncio.run(run())


def test_a_target_killed_mid_stream_ends_the_stream_with_an_error_event(tmp_path):
    async def run():
        own = {"a": binary(tmp_path, "--decode-tok-per-s 50")}
        async with serving(tmp_path, own) as (gateway, client):
            body = CHAT | {"stream": True, "max_tokens": 500}
            async with client.post("/v1/chat/completions", json=body) as answer:
                await answer.content.readany()
                os.kill(gateway.pool.targets[0].endpoint.pid, signal.SIGKILL)
                rest = await answer.read()
            assert data_of(rest)[-1]["error"]["code"] == "target_failed"
            assert b"[DONE]" not in rest
            async with client.post("/v1/chat/completions", json=CHAT) as answer:
                assert answer.status in (200, 503)  # 503 while it backs off
            await asyncio.sleep(1.2)
            async with client.post("/v1/chat/completions", json=CHAT) as answer:
                assert answer.status == 200

    asyncio.run(run())


def test_a_target_killed_between_requests_is_replaced_by_another(tmp_path):
    async def run():
        async with fake() as url:
            own = {"a": binary(tmp_path), "b": attached(url)}
            async with serving(tmp_path, own, server={"policy": "latency"}) as (gateway, client):
                gateway.pool.models["tiny"]["a"].start()
                while gateway.pool.models["tiny"]["a"].state is not State.WARM:
                    await asyncio.sleep(0.05)
                os.kill(gateway.pool.models["tiny"]["a"].endpoint.pid, signal.SIGKILL)
                for _ in range(5):
                    async with client.post("/v1/chat/completions", json=CHAT) as answer:
                        assert answer.status == 200

    asyncio.run(run())


def test_a_target_that_never_becomes_healthy_leaves_the_rest_serving(tmp_path):
    async def run():
        async with fake() as url:
            own = {"bad": binary(tmp_path, "--fault exit-early"), "good": attached(url)}
            async with serving(tmp_path, own, ready=False) as (gateway, client):
                gateway.pool.models["tiny"]["bad"].start()
                while gateway.pool.models["tiny"]["bad"].state is not State.FAILED:
                    await asyncio.sleep(0.05)
                async with client.post("/v1/chat/completions", json=CHAT) as answer:
                    assert answer.status == 200
                    assert answer.headers["X-Llamawatt-Decision"].startswith("good")
                async with client.get("/health") as answer:
                    health = await answer.json()
                    assert answer.status == 200
                assert health["status"] == "degraded"
                assert "failed to load model" in health["models"]["tiny"]["bad"]["trouble"]

    asyncio.run(run())


def test_no_healthy_target_is_a_clear_503_or_502(tmp_path):
    async def run():
        own = {"bad": binary(tmp_path, "--fault exit-early")}
        async with serving(tmp_path, own, ready=False) as (_, client):
            async with client.post("/v1/chat/completions", json=CHAT) as answer:
                assert answer.status in (502, 503)
                assert "failed to load model" in await answer.text()
                assert int(answer.headers["Retry-After"]) > 0
            async with client.get("/health") as answer:
                assert answer.status == 503

    asyncio.run(run())


def test_a_client_that_goes_away_cancels_the_work_and_frees_its_slot(tmp_path):
    async def run():
        async with (
            fake(decode_tok_per_s=20) as url,
            serving(tmp_path, {"a": attached(url, slots=1)}) as (gateway, client),
        ):
            body = CHAT | {"stream": True, "max_tokens": 2000}
            answer = await client.post("/v1/chat/completions", json=body)
            await answer.content.readany()
            request_id = receipt_id(answer.headers)
            answer.close()
            target = gateway.pool.targets[0]
            async with asyncio.timeout(5):
                while target.n_busy:
                    await asyncio.sleep(0.02)
            assert (await settled(client, request_id))["status"] == 499
            async with client.post("/v1/chat/completions", json=CHAT) as answer:
                assert answer.status == 200

    asyncio.run(run())


def test_a_slow_client_holds_no_slot_and_is_dropped_in_the_end(tmp_path):
    async def run():
        limits = {"client_s": 1.0, "buffer_bytes": 300_000}
        async with (
            fake(decode_tok_per_s=1e6) as url,
            serving(tmp_path, {"a": attached(url, slots=1)}, ready=False, limits=limits) as (
                gateway,
                client,
            ),
        ):
            host, port = str(client._base_url.host), client._base_url.port
            _, writer = await asyncio.open_connection(host, port, limit=1024)
            body = b'{"model":"tiny","prompt":"a","messages":[],"stream":true,"max_tokens":200000}'
            writer.write(
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
                % len(body)
                + body
            )
            await asyncio.sleep(0.2)  # and reads nothing
            async with asyncio.timeout(20):
                async with client.post("/v1/chat/completions", json=CHAT) as answer:
                    assert answer.status == 200
            assert not any(f.writing_s for f in gateway.flights)
            writer.close()

    asyncio.run(run())


def test_a_disk_that_is_full_delays_what_is_kept_and_loses_nothing(tmp_path):
    async def run():
        async with fake() as url, serving(tmp_path, {"a": attached(url)}) as (gateway, client):
            (pages,) = gateway.writer._connection.execute("PRAGMA page_count").fetchone()
            gateway.writer._connection.execute(f"PRAGMA max_page_count = {pages}")
            for _ in range(60):
                async with client.post(
                    "/v1/chat/completions", json=CHAT | {"user": "x" * 500}
                ) as answer:
                    assert answer.status == 200
                if gateway.writer.trouble:
                    break
            assert "full" in gateway.writer.trouble
            async with client.get("/health") as answer:
                assert "full" in (await answer.json())["troubles"]["store"]
            async with client.get(answer.url.with_path("/v1/energy/receipts/" + "none")) as missing:
                assert missing.status == 404
            gateway.writer._connection.execute("PRAGMA max_page_count = 1000000")
            async with asyncio.timeout(15):
                while gateway.writer.trouble or gateway.writer.n_waiting:
                    await asyncio.sleep(0.1)
            kept = sqlite3.connect(gateway.database).execute("SELECT count(*) FROM requests")
            assert kept.fetchone()[0] >= 1

    asyncio.run(run())


def test_a_port_in_use_and_a_database_in_use_are_refused_in_one_sentence(tmp_path):
    async def run():
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            found = configured(
                {"a": attached("http://127.0.0.1:1")}, server={"port": taken.getsockname()[1]}
            )
            gateway = Gateway(found, tmp_path, tmp_path / "e.sqlite", seams())
            with pytest.raises(UsageError, match="another port"):
                async with running(gateway):
                    pass
        first = Gateway(found, tmp_path, tmp_path / "e.sqlite", seams())
        with pytest.raises(UsageError, match="Another gateway"):
            Gateway(found, tmp_path, tmp_path / "e.sqlite", seams())
        await first.close()

    asyncio.run(run())


def test_ending_lets_running_answers_end_and_takes_no_new_ones(tmp_path):
    async def run():
        async with fake(decode_tok_per_s=20) as url:
            found = configured({"a": attached(url)}, server={"drain_s": 10.0})
            gateway = Gateway(found, tmp_path, tmp_path / "e.sqlite", seams())
            import aiohttp

            async with aiohttp.ClientSession() as client:
                async with running(gateway) as at:
                    body = CHAT | {"stream": True, "max_tokens": 30}
                    answer = await client.post(f"{at}/v1/chat/completions", json=body)
                    rest = asyncio.create_task(answer.read())
                    await asyncio.sleep(0.2)
                assert b"[DONE]" in await rest
            kept = sqlite3.connect(tmp_path / "e.sqlite").execute("SELECT status FROM requests")
            assert kept.fetchall() == [(200,)]

    asyncio.run(run())


def test_idle_connections_and_half_requests_are_ended_and_disturb_nobody(tmp_path):
    async def run():
        async with (
            fake() as url,
            serving(tmp_path, {"a": attached(url)}, ready=False, limits={"idle_s": 1.0}) as (
                _,
                client,
            ),
        ):
            host, port = str(client._base_url.host), client._base_url.port
            streams = [await asyncio.open_connection(host, port) for _ in range(200)]
            for _, writer in streams[:100]:
                writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: ")
            async with client.post("/v1/chat/completions", json=CHAT) as answer:
                assert answer.status == 200
            async with asyncio.timeout(10):
                for reader, writer in streams:
                    with contextlib.suppress(ConnectionError):
                        await reader.read()
                    writer.close()

    asyncio.run(run())


def test_the_configuration_is_read_again_when_it_changes(tmp_path):
    async def run():
        async with fake() as url:
            path = tmp_path / "gateway.toml"

            def write(name, extra=""):
                path.write_text(
                    f"[server]\nport = 0\n{extra}[models.{name}.targets.a]\n"
                    f'kind = "attached"\nurl = "{url}"\n'
                )

            write("tiny")
            source = Source(path, {"policy": "edp"})
            gateway = Gateway(source.read(), tmp_path, tmp_path / "e.sqlite", seams())
            async with running(gateway, source):
                write("other")
                async with asyncio.timeout(5):
                    while "other" not in gateway.pool.models:
                        await asyncio.sleep(0.05)
                write("third", "prot = 3\n")
                async with asyncio.timeout(5):
                    while not gateway.notes:
                        await asyncio.sleep(0.05)
                assert "Did you mean port?" in gateway.notes[0]
                assert list(gateway.pool.models) == ["other"]
                assert gateway.configuration.server.policy == "edp"

    asyncio.run(run())
