"""The web application: routes, errors in one form, headers for browsers."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from llamawatt.gateway.server import pages
from llamawatt.gateway.server.errors import ApiError
from llamawatt.gateway.server.gateway import Gateway
from llamawatt.gateway.server.openapi import PASSED_ON
from llamawatt.gateway.server.relay import GATEWAY, relay

EXPOSED = (
    "X-Energy-Joules, X-Energy-Above-Idle, X-Energy-Per-Token, X-Energy-Receipt, "
    "X-Llamawatt-Decision"
)
CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": EXPOSED}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "*, Authorization",
    "Access-Control-Max-Age": "600",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_application(gateway: Gateway) -> web.Application:
    """Return the application of a gateway."""
    limits = gateway.configuration.limits
    app = web.Application(client_max_size=limits.body_bytes, middlewares=[_errors_in_one_form])
    app[GATEWAY] = gateway
    app.on_response_prepare.append(_for_browsers)
    app.router.add_get("/health", pages.health)
    app.router.add_get("/metrics", pages.metrics)
    app.router.add_get("/openapi.json", pages.openapi)
    app.router.add_get("/v1/models", pages.models)
    app.router.add_get("/v1/models/{model:.+}", pages.model)
    app.router.add_get("/v1/energy", pages.energy)
    app.router.add_get("/v1/energy/receipts/{request_id}", pages.receipt)
    for path in PASSED_ON:
        app.router.add_post(path, relay)
    return app


@web.middleware
async def _errors_in_one_form(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.method == "OPTIONS":
        return web.Response(status=204, headers=PREFLIGHT)
    asking = request.app[GATEWAY].asking
    asking.add(request.protocol)
    try:
        return await handler(request)
    except ApiError as error:
        return error.response()
    except web.HTTPRequestEntityTooLarge as error:
        return ApiError(413, f"The request is too large: {error.text}", "too_large").response()
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        answer = ApiError(405, f"{request.path} takes {allowed}.", "method_not_allowed").response()
        answer.headers["Allow"] = allowed
        return answer
    except web.HTTPNotFound:
        return ApiError(404, f"There is no {request.path}.", "not_found").response()
    finally:
        asking.discard(request.protocol)


async def _for_browsers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(CORS)
