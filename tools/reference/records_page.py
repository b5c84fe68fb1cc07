"""The pages of fields: records of a run directory, settings and study files, flags."""

import dataclasses
import inspect
import re
from collections.abc import Mapping

from pydantic import BaseModel

from llamawatt.core import machine, plan, readings, trials
from llamawatt.core.flags import Flag
from llamawatt.core.metrics import METRICS
from llamawatt.core.settings import SETTINGS
from llamawatt.study import spec as study
from llamawatt.targets import spec as target

FILES: dict[str, tuple[type, ...]] = {
    "study.yaml": (
        plan.StudyRecord,
        plan.ModelRecord,
        plan.SuiteRecord,
        plan.ArmRecord,
        plan.ProtocolRecord,
    ),
    "machine.json": (
        machine.MachineRecord,
        machine.Gpu,
        readings.Domain,
        readings.Calibration,
        machine.MissingMeter,
        machine.WallModel,
    ),
    "trials.jsonl": (
        trials.TrialRecord,
        trials.Window,
        trials.RequestRecord,
        trials.DomainEnergy,
        trials.IdlePower,
        trials.LoadRecord,
    ),
    "events.jsonl": (plan.RunEvent,),
    "quality.json": (plan.QualityRecord,),
}
"""File of a run directory → the records in it, the outermost first."""

SPECS: tuple[type[BaseModel], ...] = (study.StudySpec, study.GroupSpec, study.ProtocolSpec)
"""What a study file is made of."""


def records_page() -> str:
    """Return the page of the run directory."""
    parts = [
        "# Run directory",
        "",
        "A run directory is what passes from measuring to telling. `trials.jsonl` and"
        " `events.jsonl` only grow, one line flushed to the disk per entry; raw samples are in"
        " `traces/`. Units are in the names: `_j` joules, `_w` watts, `_s` seconds, `_c` degrees"
        " Celsius, `_js` joule-seconds. `null` means that there is no figure.",
        "",
    ]
    for file, records in FILES.items():
        parts += [f"## {file}", ""]
        for record in records:
            fields = dataclasses.fields(record)
            types = {field.name: _type_text(field.type) for field in fields}
            parts += [f"### {record.__name__}", "", _first_line(record), ""]
            parts += [*_table(record, types, "type"), ""]
        parts += _metrics() if file == "trials.jsonl" else []
    return "\n".join(parts)


def _metrics() -> list[str]:
    """Return the table of metrics: the names in `metrics`, `summary.csv` and `--metric`."""
    rows = [
        f"| `{spec.key}` | {spec.unit} | {'more' if spec.more_is_better else 'less'} "
        f"| {spec.label}. {spec.meaning} |"
        for spec in METRICS.values()
    ]
    head = "What a trial comes to. These are the names in `summary.csv`, JSON and `--metric`, too."
    table = ["| metric | unit | better is | meaning |", "| --- | --- | --- | --- |", *rows]
    return ["### metrics", "", head, "", *table, ""]


def settings_page() -> str:
    """Return the page of settings and study files."""
    parts = ["# Settings and study files", ""]
    parts += ["## Settings of llama.cpp", "", _first_line(target.TargetSpec), ""]
    flags = {name: _carried(name) for name in target.TargetSpec.model_fields}
    parts += _table(target.TargetSpec, flags, "flag")
    for spec in SPECS:
        parts += ["", f"## {spec.__name__}", "", _first_line(spec), ""]
        parts += _table(spec, _defaults(spec), "default")
    return "\n".join([*parts, ""])


def _carried(name: str) -> str:
    if name in target.REQUEST_SETTINGS:
        return "each request"
    return f"`{target.FLAGS[name]}`" if name in target.FLAGS else ""


def configuration_page() -> str:
    """Return the page of what is set once for all."""
    rows = (
        f"| `{s.key}` | `{s.variable}` | `{s.example}` | {s.meaning} |" for s in SETTINGS.values()
    )
    head = (
        "`llamawatt config` shows these and says where their file is; `llamawatt config NAME=VALUE`"
        " sets one. An environment variable goes before the file, and an option before both:"
        " `--assume NAME=VALUE` for the first four, which figures are worked out with. What is not"
        " set is not assumed: the metrics that need it are absent."
    )
    table = ["| name | environment | as | meaning |", "| --- | --- | --- | --- |", *rows]
    return "\n".join(["# Configuration", "", head, "", *table, ""])


def flags_page() -> str:
    """Return the page of doubts."""
    rows = (f"| `{flag.value}` | {flag.sentence} |" for flag in Flag)
    head = "A doubt travels with the figure that it is about, into tables, reports and JSON."
    return "\n".join(["# Flags", "", head, "", "| flag | meaning |", "| --- | --- |", *rows, ""])


def described(owner: type) -> dict[str, str]:
    """Return field → description, from the `Attributes:` of a Google-style docstring."""
    text = inspect.cleandoc(owner.__doc__ or "").partition("Attributes:\n")[2]
    entries = re.findall(r"^    (\w+): (.+(?:\n {8,}.+)*)", text, re.MULTILINE)
    return {name: " ".join(body.split()) for name, body in entries}


def _table(owner: type, second: Mapping[str, str], title: str) -> list[str]:
    texts = described(owner)
    rows = [f"| `{name}` | {text} | {texts.get(name, '')} |" for name, text in second.items()]
    return [f"| field | {title} | meaning |", "| --- | --- | --- |", *rows]


def _type_text(annotation: object) -> str:
    text = re.sub(r"(?:\w+\.)+(?=\w)", "", inspect.formatannotation(annotation))
    return f"`{text}`".replace("|", "\\|")


def _defaults(spec: type[BaseModel]) -> dict[str, str]:
    return {
        name: "required"
        if field.is_required()
        else _default(field.get_default(call_default_factory=True, validated_data={}))
        for name, field in spec.model_fields.items()
    }


def _default(value: object) -> str:
    if value is None or isinstance(value, BaseModel) or value in ((), {}, ""):
        return ""
    items = value if isinstance(value, tuple) else (value,)
    return ", ".join(f"`{getattr(item, 'value', item)}`" for item in items)


def _first_line(owner: type) -> str:
    return inspect.cleandoc(owner.__doc__ or "").splitlines()[0]
