"""Passes a request on to its target and the answer back, its energy beside it."""

import asyncio
import json
import time
from collections.abc import Mapping

import aiohttp
from aiohttp import web

from llamawatt.core.errors import TargetError
from llamawatt.gateway.config.tables import KeyTable
from llamawatt.gateway.energy.figure import AnswerEnergy
from llamawatt.gateway.policy.router import Decision
from llamawatt.gateway.pool.target import FullError, PooledTarget
from llamawatt.gateway.server.asked import Asked, ask_of, understand
from llamawatt.gateway.server.errors import ApiError
from llamawatt.gateway.server.events import EventTap
from llamawatt.gateway.server.gateway import CLIENT_GONE, Flight, Gateway
from llamawatt.gateway.server.told import Told, told_by
from llamawatt.targets.base import Endpoint

GATEWAY = web.AppKey("gateway", Gateway)
TRIES = 3
PASSED_ON = ("Content-Type", "Content-Encoding", "Cache-Control")
OTEL_NAME = "gen_ai.infrastructure.energy"


class _GoneError(Exception):
    """The target went away before the first byte of its answer."""


async def relay(request: web.Request) -> web.StreamResponse:
    """Answer one of the routes that are passed on."""
    gateway, arrived_s = request.app[GATEWAY], time.monotonic()
    key = gateway.keyring.who(request.headers)
    if gateway.is_draining:
        raise ApiError(503, "The gateway is being ended.", "draining", retry_s=5)
    gateway.keyring.enter(key)
    try:
        asked = understand(request.path, await _body(request, gateway))
        refusal = gateway.refusal(key)
        if refusal:
            raise ApiError(429, refusal, "insufficient_quota")
        return await _somewhere(request, gateway, asked, key, arrived_s)
    finally:
        gateway.keyring.leave(key)


async def _body(request: web.Request, gateway: Gateway) -> bytes:
    limits = gateway.configuration.limits
    try:
        async with asyncio.timeout(limits.read_s):
            return await request.read()
    except TimeoutError as error:
        raise ApiError(408, f"The request did not arrive within {limits.read_s:g} s.") from error


def _model(gateway: Gateway, asked: Asked) -> str:
    models = gateway.pool.models
    if asked.model in models:
        return asked.model
    if not asked.model and len(models) == 1:
        return next(iter(models))
    named = f"The model {asked.model!r} does not exist" if asked.model else "`model` is missing"
    known = ", ".join(models)
    raise ApiError(404, f"{named}. Served are: {known}.", "model_not_found", "model")


async def _somewhere(
    request: web.Request, gateway: Gateway, asked: Asked, key: KeyTable, arrived_s: float
) -> web.StreamResponse:
    """Try targets until one answers; nothing was sent to the client before that."""
    model = _model(gateway, asked)
    n_prompt, n_expected = gateway.expected(asked, model)
    most = gateway.configuration.limits.prompt_tokens
    if most is not None and n_prompt > most:
        raise ApiError(
            400,
            f"The prompt has about {n_prompt:.0f} tokens; {most} are allowed.",
            "context_length_exceeded",
        )
    ask = ask_of(asked, n_prompt, n_expected, request.headers)
    reason = ""
    for _ in range(TRIES):
        decision = gateway.pool.decide(model, ask, asked.prefixes)
        if decision.target is None:
            raise ApiError(503, _why_none(gateway, model, decision), "no_target", retry_s=5)
        target = gateway.pool.models[model][decision.target]
        try:
            endpoint = await _slot(gateway, target, decision)
            return await _forward(
                request, gateway, (asked, key, target, decision), endpoint, arrived_s
            )
        except (TargetError, _GoneError) as error:
            reason = str(error)
    raise ApiError(502, f"No target could answer: {reason}", "target_failed", retry_s=5)


def _why_none(gateway: Gateway, model: str, decision: Decision) -> str:
    if decision.waits:
        return f"The request {decision.reason}; ask again when the machine is plugged in."
    found = gateway.pool.models[model].values()
    troubles = " ".join(f"{each.name}: {each.trouble}" for each in found if each.trouble)
    return f"No target of {model} is healthy. {troubles}".strip()


async def _slot(gateway: Gateway, target: PooledTarget, decision: Decision) -> Endpoint:
    configuration = gateway.configuration
    hold_s = configuration.server.hold_ms / 1e3
    if hold_s > 0 and not target.n_busy and decision.predicted is not None:
        await asyncio.sleep(hold_s)
    wait_s = configuration.limits.queue_s
    try:
        return await target.acquire(wait_s)
    except FullError as error:
        raise ApiError(
            503,
            f"{configuration.limits.queue} requests wait for {target.name} already.",
            "queue_full",
            retry_s=2,
        ) from error
    except TimeoutError as error:
        raise ApiError(
            503,
            f"No slot of {target.name} came free within {wait_s:g} s.",
            "queue_timeout",
            retry_s=10,
        ) from error


async def _forward(
    request: web.Request,
    gateway: Gateway,
    chosen: tuple[Asked, KeyTable, PooledTarget, Decision],
    endpoint: Endpoint,
    arrived_s: float,
) -> web.StreamResponse:
    asked, key, target, decision = chosen
    flight = gateway.depart(asked, key, target, decision, arrived_s)
    holder = _Slot(target)
    try:
        return await _answer(request, gateway, flight, endpoint, holder)
    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
        gateway.writer.put(gateway.land(flight, 502, Told())[1])
        if isinstance(error, aiohttp.ServerTimeoutError | TimeoutError):
            raise ApiError(504, f"{target.name} gave no answer in time.", "timeout") from error
        if target.is_ours or isinstance(error, aiohttp.ClientConnectorError):
            words = await asyncio.to_thread(endpoint.last_words)
            target.failed(words or f"{target.name} broke the connection off.")
        raise _GoneError(f"{target.name} went away before it answered.") from error
    finally:
        holder.release()
        if flight in gateway.flights:  # the client went away
            gateway.writer.put(gateway.land(flight, CLIENT_GONE, Told())[1])


class _Slot:
    """A slot that is given back once, as soon as the target is done."""

    def __init__(self, target: PooledTarget) -> None:
        self._target: PooledTarget | None = target

    def release(self) -> None:
        """Give it back; later calls do nothing."""
        target, self._target = self._target, None
        if target is not None:
            target.release()


async def _answer(
    request: web.Request, gateway: Gateway, flight: Flight, endpoint: Endpoint, slot: _Slot
) -> web.StreamResponse:
    session = gateway.session
    if session is None:
        raise AssertionError("the gateway is not running")
    limits = gateway.configuration.limits
    body = flight.asked.for_model(endpoint.model)
    headers = {
        "Content-Type": "application/json",
        **endpoint.access.headers(),
        **_versions(request),
    }
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=limits.answer_s)
    url = f"{endpoint.url}{flight.asked.path}"
    async with session.post(url, data=body, headers=headers, timeout=timeout) as upstream:
        if upstream.status == 200 and upstream.content_type == "text/event-stream":
            return await _stream(request, gateway, flight, upstream, slot)
        payload = await upstream.read()
    slot.release()
    if upstream.status != 200 or upstream.content_type != "application/json":
        _, row = gateway.land(flight, upstream.status, Told())
        await gateway.keep(row)
        return _as_it_came(upstream.status, payload, upstream.headers)
    told = told_by(payload)
    figure, row = gateway.land(flight, 200, told)
    await gateway.keep(row)
    payload = with_energy(payload, energy_json(figure, gateway))
    headers = _headers(request, flight) | energy_headers(figure, told)
    return web.Response(body=payload, content_type="application/json", headers=headers)


def _versions(request: web.Request) -> dict[str, str]:
    """Return the headers by which Anthropic's clients name the API's version."""
    names = ("anthropic-version", "anthropic-beta")
    return {name: request.headers[name] for name in names if name in request.headers}


def _as_it_came(status: int, payload: bytes, headers: Mapping[str, str]) -> web.Response:
    """Return a backend's own error; one that is no JSON is put into OpenAI's form."""
    try:
        json.loads(payload)
    except ValueError:
        if status >= 400:
            said = payload[:500].decode("utf-8", "replace")
            return ApiError(status, f"The backend said: {said}", "backend_error").response()
    passed = {name: headers[name] for name in PASSED_ON if name in headers}
    return web.Response(status=status, body=payload, headers=passed)


async def _stream(
    request: web.Request,
    gateway: Gateway,
    flight: Flight,
    upstream: aiohttp.ClientResponse,
    slot: _Slot,
) -> web.StreamResponse:
    headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
    response = web.StreamResponse(headers=headers | _headers(request, flight))
    tap, work = EventTap(), flight.work
    chunks = upstream.content.iter_any()
    first = await anext(chunks, b"")  # what fails before this is tried elsewhere
    await response.prepare(request)
    if request.transport is not None:
        request.transport.set_write_buffer_limits(high=gateway.configuration.limits.buffer_bytes)
        flight.abort = request.transport.abort
    broken = ""
    try:
        await _pass(response, flight, tap.feed(first))
        work.first_s = time.monotonic()
        async for chunk in chunks:
            passed = tap.feed(chunk)
            work.n_generated = tap.n_events
            if passed:
                await _pass(response, flight, passed)
    except (aiohttp.ClientPayloadError, aiohttp.ClientConnectionError, TimeoutError) as error:
        broken = f"{flight.target.name} broke off in the middle of its answer."
        if flight.target.is_ours and not isinstance(error, TimeoutError):
            flight.target.failed(broken)
    slot.release()
    told = tap.told()
    figure, row = gateway.land(flight, 502 if broken else 200, told)
    await gateway.keep(row)
    if broken:
        tail = (
            b"data: " + json.dumps(ApiError(502, broken, "target_failed").body()).encode() + b"\n\n"
        )
    else:
        tail = energy_comment(energy_json(figure, gateway)) + tap.end()
    await _pass(response, flight, tail)
    await response.write_eof()
    return response


async def _pass(response: web.StreamResponse, flight: Flight, data: bytes) -> None:
    flight.writing_s = time.monotonic()
    try:
        await response.write(data)
    except (aiohttp.ClientConnectionError, ConnectionError) as error:
        raise asyncio.CancelledError from error  # the client went away: nobody is left to tell
    flight.writing_s = None


def _headers(request: web.Request, flight: Flight) -> dict[str, str]:
    receipt = f"{request.scheme}://{request.host}/v1/energy/receipts/{flight.request_id}"
    return {
        "X-Energy-Receipt": receipt,
        "X-Llamawatt-Decision": f"{flight.target.name}; {flight.decision.reason}",
    }


def energy_json(figure: AnswerEnergy, gateway: Gateway) -> dict[str, object]:
    """Return the `energy` object of an answer."""
    found = figure.as_json()
    carbon = gateway.configuration.price.carbon_g_per_kwh
    kwh = found.get("energy_kwh")
    if carbon is not None and isinstance(kwh, float):
        found["carbon_g_co2eq"] = float(f"{kwh * carbon:.7g}")
    if gateway.configuration.server.otel_names and "energy_joules" in found:
        found[OTEL_NAME] = found["energy_joules"]
    return found


def energy_headers(figure: AnswerEnergy, told: Told) -> dict[str, str]:
    """Return the headers that tell an answer's energy; none where it is unavailable."""
    if figure.reason:
        return {"X-Energy-Joules": "unavailable"}
    headers = {"X-Energy-Joules": f"{figure.energy_j:.6g}"}
    if figure.above_idle_j is not None:
        headers["X-Energy-Above-Idle"] = f"{figure.above_idle_j:.6g}"
    if told.n_generated:
        headers["X-Energy-Per-Token"] = f"{figure.energy_j / told.n_generated:.6g}"
    return headers


def energy_comment(energy: Mapping[str, object]) -> bytes:
    """Return the comment that tells a stream's energy; clients that do not know it skip it."""
    return b": energy " + json.dumps(energy, separators=(",", ":")).encode() + b"\n\n"


def with_energy(payload: bytes, energy: Mapping[str, object]) -> bytes:
    """Put an `energy` object into a JSON object, every other byte as it came."""
    bare = payload.rstrip()
    if not (bare.startswith(b"{") and bare.endswith(b"}")):
        return payload
    comma = b"" if bare[1:-1].strip() == b"" else b","
    return bare[:-1] + comma + b'"energy":' + json.dumps(energy).encode() + b"}"
