"""The report as JSON, and the JSON Schema that it keeps to."""

import json
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from llamawatt.core.metrics import METRICS
from llamawatt.report.model import ReportModel


def report_json(model: ReportModel) -> bytes:
    """Return the whole report as JSON."""
    return _adapter().dump_json(model, indent=1) + b"\n"


def report_schema() -> str:
    """Return the JSON Schema of `report.json`, as text that is the same every time."""
    schema: dict[str, Any] = _adapter().json_schema(mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "llamawatt report"
    named = {"propertyNames": {"enum": list(METRICS)}}
    schema["$defs"]["Row"]["properties"]["estimates"] |= named
    schema["properties"]["metrics"] |= named
    return json.dumps(schema, indent=1, sort_keys=True) + "\n"


@cache
def _adapter() -> TypeAdapter[ReportModel]:
    return TypeAdapter(ReportModel)
