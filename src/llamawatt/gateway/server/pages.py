"""What the gateway tells of itself: health, models, energy, receipts, metrics."""

import asyncio
import dataclasses
from contextlib import closing

from aiohttp import web

from llamawatt.gateway.policy.router import State
from llamawatt.gateway.server.errors import ApiError
from llamawatt.gateway.server.gateway import Gateway, today
from llamawatt.gateway.server.openapi import document
from llamawatt.gateway.server.relay import GATEWAY
from llamawatt.gateway.store.query import GROUPS, find_row, read_only, used
from llamawatt.gateway.store.rows import RequestRow

SECRET_FIELDS = ("prompt",)


async def health(request: web.Request) -> web.Response:
    """Tell what is well: 200 while some model can be served, else 503."""
    gateway = request.app[GATEWAY]
    models = {
        name: {each.name: _state(each.state, each.trouble) for each in found.values()}
        for name, found in gateway.pool.models.items()
    }
    serves = any(t.state is not State.FAILED for t in gateway.pool.targets)
    troubles = {
        **gateway.meters.trouble(),
        **({"store": gateway.writer.trouble} if gateway.writer.trouble else {}),
        **({"configuration": gateway.notes[-1]} if gateway.notes else {}),
    }
    failing = any(t.state is State.FAILED for t in gateway.pool.targets)
    status = "ok" if serves and not troubles and not failing else "degraded" if serves else "failed"
    body = {"status": "draining" if gateway.is_draining else status, "models": models}
    code = 200 if serves and not gateway.is_draining else 503
    return web.json_response({**body, "troubles": troubles}, status=code)


def _state(state: State, trouble: str) -> dict[str, str]:
    return {"state": state.value, **({"trouble": trouble} if trouble else {})}


async def models(request: web.Request) -> web.Response:
    """List the models."""
    gateway = _entered(request)
    listed = [
        {"id": name, "object": "model", "created": 0, "owned_by": "llamawatt"}
        for name in gateway.pool.models
    ]
    return web.json_response({"object": "list", "data": listed})


async def model(request: web.Request) -> web.Response:
    """Tell of one model."""
    gateway, name = _entered(request), request.match_info["model"]
    if name not in gateway.pool.models:
        raise ApiError(404, f"The model {name!r} does not exist.", "model_not_found", "model")
    return web.json_response({"id": name, "object": "model", "created": 0, "owned_by": "llamawatt"})


async def energy(request: web.Request) -> web.Response:
    """Tell what was used: since the start, and by model, target, key and day."""
    gateway = _entered(request)
    groups = await asyncio.to_thread(_groups, gateway)
    totals = dataclasses.asdict(gateway.meters.totals())
    return web.json_response(
        {
            "since_start": totals,
            "power_w": gateway.meters.power_w,
            "unavailable": gateway.meters.trouble(),
            "today": today(),
            "by": groups,
        }
    )


def _groups(gateway: Gateway) -> dict[str, list[dict[str, object]]]:
    with closing(read_only(gateway.database)) as connection:
        return {
            name: [
                {name: each.group[0], **_without_group(dataclasses.asdict(each))}
                for each in used(connection, (name,))
            ]
            for name in GROUPS
        }


def _without_group(found: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in found.items() if name != "group"}


async def receipt(request: web.Request) -> web.Response:
    """Tell what one answer cost; `settled` once every part is measured."""
    gateway, request_id = _entered(request), request.match_info["request_id"]
    row = gateway.receipt_row(request_id)
    if row is None:
        row = await asyncio.to_thread(_kept, gateway, request_id)
    if row is None:
        raise ApiError(404, f"There is no answer {request_id!r}.", "not_found")
    return web.json_response(_shown(row))


def _kept(gateway: Gateway, request_id: str) -> RequestRow | None:
    with closing(read_only(gateway.database)) as connection:
        return find_row(connection, request_id)


def _shown(row: RequestRow) -> dict[str, object]:
    found = dataclasses.asdict(row)
    shown = {name: value for name, value in found.items() if name not in SECRET_FIELDS}
    return {**shown, "modelled": bool(row.modelled), "settled": bool(row.settled)}


async def metrics(request: web.Request) -> web.Response:
    """Return the metrics in Prometheus' text form."""
    gateway = _entered(request)
    text = gateway.metrics.text(
        gateway.meters.totals(), gateway.meters.power_w, gateway.pool, gateway.writer.n_waiting
    )
    return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4"})


async def openapi(_request: web.Request) -> web.Response:
    """Return the OpenAPI document."""
    return web.json_response(document())


def _entered(request: web.Request) -> Gateway:
    """Return the gateway to whoever has a key for it."""
    gateway = request.app[GATEWAY]
    gateway.keyring.who(request.headers)
    return gateway
