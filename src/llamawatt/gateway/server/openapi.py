"""The OpenAPI document: what is served, and what is said beside it."""

from llamawatt.core.version import VERSION

PASSED_ON = {
    "/v1/chat/completions": "A chat's next message, streamed or not",
    "/v1/completions": "A text's continuation, streamed or not",
    "/v1/embeddings": "Vectors of texts, where the backend makes them",
    "/v1/responses": "OpenAI's Responses API, where the backend has it",
    "/v1/messages": "Anthropic's Messages API, where the backend has it",
}
PAGES = {
    "/health": "What is well and what is not",
    "/metrics": "Metrics for Prometheus",
    "/v1/models": "The models",
    "/v1/energy": "What was used, by model, target, key and day",
    "/openapi.json": "This document",
}
ENERGY = {
    "type": "object",
    "description": "What the answer cost. Without a figure: `status` unavailable, and `reason`.",
    "properties": {
        "energy_joules": {"type": "number"},
        "energy_kwh": {"type": "number"},
        "avg_power_watts": {"type": "number"},
        "duration_seconds": {"type": "number"},
        "attribution_method": {"type": "string"},
        "attribution_ratio": {"type": "number"},
        "above_idle_joules": {"type": ["number", "null"]},
        "uncertainty_joules": {"type": "number"},
        "carbon_g_co2eq": {"type": "number"},
        "method": {"type": "string"},
        "measured": {"type": "boolean"},
        "modelled": {"type": "boolean"},
        "shared_with": {"type": "integer"},
        "status": {"type": "string", "enum": ["provisional", "settled", "unavailable"]},
        "reason": {"type": "string"},
    },
    "required": ["status"],
}


def document() -> dict[str, object]:
    """Return the document."""
    paths: dict[str, object] = {path: {"get": _operation(text)} for path, text in PAGES.items()}
    paths |= {path: {"post": _passed(text)} for path, text in PASSED_ON.items()}
    paths["/v1/models/{model}"] = {"get": _operation("One model", "model")}
    paths["/v1/energy/receipts/{request_id}"] = {
        "get": _operation("What one answer cost, once every part is measured", "request_id")
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "llamawatt gateway", "version": VERSION},
        "paths": paths,
        "components": {
            "schemas": {"Energy": ENERGY},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}, {}],
    }


def _operation(summary: str, *parameters: str) -> dict[str, object]:
    named = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in parameters
    ]
    return {
        "summary": summary,
        "parameters": named,
        "responses": {"200": {"description": "OK"}, "default": {"description": "An error"}},
    }


def _passed(summary: str) -> dict[str, object]:
    answer = {"type": "object", "properties": {"energy": {"$ref": "#/components/schemas/Energy"}}}
    return {
        "summary": summary,
        "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": {
            "200": {
                "description": "The backend's answer, its energy beside",
                "content": {"application/json": {"schema": answer}},
            },
            "default": {"description": "An error in OpenAI's form"},
        },
    }
