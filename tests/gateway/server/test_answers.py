import asyncio
import json

import pytest

from llamawatt.gateway.policy.router import Supply
from tests.gateway.serving import (
    CHAT,
    NoFeed,
    attached,
    fake,
    receipt_id,
    seams,
    serving,
    settled,
)


def test_an_answer_says_what_it_cost(tmp_path):
    async def run():
        async with (
            fake(decode_tok_per_s=100) as url,
            serving(tmp_path, {"a": attached(url)}) as (_, client),
        ):
            async with client.post(
                "/v1/chat/completions", json=CHAT | {"max_tokens": 60}
            ) as answer:
                body = await answer.json()
                assert answer.status == 200
                energy = body["energy"]
                assert body["usage"]["completion_tokens"] == 60
                assert energy["energy_joules"] > 0
                assert energy["energy_kwh"] == pytest.approx(
                    energy["energy_joules"] / 3.6e6, rel=1e-5
                )
                assert energy["attribution_method"] == "work"
                assert 0 < energy["attribution_ratio"] <= 1
                assert energy["measured"] is True
                assert energy["status"] == "provisional"
                headers = answer.headers
                assert float(headers["X-Energy-Joules"]) == pytest.approx(
                    energy["energy_joules"], rel=1e-3
                )
                assert float(headers["X-Energy-Per-Token"]) > 0
                assert "X-Energy-Receipt" in headers["Access-Control-Expose-Headers"]
                assert headers["X-Llamawatt-Decision"] == "a; only target"
            final = await settled(client, receipt_id(headers))
            # The simulated machine draws 60 W, and the answer had it to itself.
            assert final["reason"] == ""
            assert final["energy_j"] == pytest.approx(60 * final["duration_s"], rel=0.15)
            assert final["n_generated"] == 60
            assert "prompt" not in final

    asyncio.run(run())


def test_a_stream_passes_untouched_with_its_energy_before_the_end(tmp_path):
    async def run():
        async with fake() as url, serving(tmp_path, {"a": attached(url)}) as (_, client):
            async with client.post("/v1/chat/completions", json=CHAT | {"stream": True}) as answer:
                assert answer.content_type == "text/event-stream"
                through = await answer.read()
                request_id = receipt_id(answer.headers)
            async with client.post(
                f"{url}/v1/chat/completions", json=CHAT | {"stream": True}
            ) as direct:
                straight = await direct.read()
            lines = through.split(b"\n\n")
            comment = next(line for line in lines if line.startswith(b":"))
            assert through.replace(comment + b"\n\n", b"") == straight
            assert lines[-2] == b"data: [DONE]"
            assert lines[-3] == comment
            assert b'"usage"' in lines[-4]
            energy = json.loads(comment.removeprefix(b": energy "))
            assert energy["energy_joules"] >= 0
            final = await settled(client, request_id)
            assert (final["n_prompt"], final["n_generated"]) == (3, 8)
            assert final["ttft_s"] > 0

    asyncio.run(run())


def test_many_at_once_sum_to_what_was_measured(tmp_path):
    async def run():
        async with (
            fake(decode_tok_per_s=200) as url,
            serving(tmp_path, {"a": attached(url)}) as (gateway, client),
        ):

            async def one(number):
                body = CHAT | {"stream": bool(number % 2), "max_tokens": 20 + number}
                async with client.post("/v1/chat/completions", json=body) as answer:
                    await answer.read()
                    return await settled(client, receipt_id(answer.headers))

            found = await asyncio.gather(*(one(number) for number in range(24)))
            totals = gateway.meters.totals()
            assert totals.attributed_j + totals.alone_j == pytest.approx(
                totals.measured_j, rel=1e-3
            )
            assert sum(row["energy_j"] for row in found) == pytest.approx(
                totals.attributed_j, rel=1e-3
            )
            assert max(row["shared_with"] for row in found) >= 20
            async with client.get("/metrics") as answer:
                text = await answer.text()
            gap = next(
                line for line in text.splitlines() if line.startswith("llamawatt_conservation")
            )
            assert abs(float(gap.split()[-1])) < 1e-3
            async with client.get("/v1/energy") as answer:
                by = (await answer.json())["by"]
            assert by["model"][0]["n_requests"] == 24
            assert set(by) == {"day", "model", "target", "key"}

    asyncio.run(run())


def test_without_meters_answers_go_on_and_say_why_there_is_no_energy(tmp_path):
    async def run():
        async with (
            fake() as url,
            serving(tmp_path, {"a": attached(url)}, seams(NoFeed)) as (gateway, client),
        ):
            while "Nothing" not in gateway.meters.reason:
                await asyncio.sleep(0.01)
            async with client.post("/v1/chat/completions", json=CHAT) as answer:
                body = await answer.json()
            assert body["energy"]["status"] == "unavailable"
            assert "Nothing can be measured" in body["energy"]["reason"]
            assert answer.headers["X-Energy-Joules"] == "unavailable"
            async with client.get("/health") as answer:
                health = await answer.json()
                assert answer.status == 200
            assert health["status"] == "degraded"
            assert "Nothing can be measured" in health["troubles"]["meters"]

    asyncio.run(run())


def test_carbon_and_otel_names_stand_beside_where_they_are_wanted(tmp_path):
    async def run():
        parts = {"server": {"otel_names": True}, "price": {"carbon_g_per_kwh": 400.0}}
        async with fake() as url, serving(tmp_path, {"a": attached(url)}, **parts) as (_, client):
            async with client.post("/v1/chat/completions", json=CHAT) as answer:
                energy = (await answer.json())["energy"]
        assert energy["gen_ai.infrastructure.energy"] == energy["energy_joules"]
        assert energy["carbon_g_co2eq"] == pytest.approx(energy["energy_kwh"] * 400, rel=1e-4)

    asyncio.run(run())


def test_what_can_wait_is_put_off_when_the_battery_is_low(tmp_path):
    async def run():
        low = seams(supply=lambda: Supply(on_battery=True, charge_share=0.05))
        async with (
            fake() as url,
            serving(tmp_path, {"a": attached(url)}, low, server={"policy": "battery"}) as (
                _,
                client,
            ),
        ):
            headers = {"X-Llamawatt-Priority": "low"}
            async with client.post("/v1/chat/completions", json=CHAT, headers=headers) as answer:
                assert answer.status == 503
                assert "battery" in (await answer.json())["error"]["message"]
            async with client.post("/v1/chat/completions", json=CHAT) as answer:
                assert answer.status == 200

    asyncio.run(run())
