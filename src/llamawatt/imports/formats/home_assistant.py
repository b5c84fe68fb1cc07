"""Histories of Home Assistant: CSV exports and the JSON of its history, one state for each change.

A power holds until the next state. The CSV names no units: a name that ends in power is taken to
be in watts, one that ends in energy in kilowatt-hours, unless `--unit` says otherwise.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llamawatt.core.errors import UsageError
from llamawatt.core.flags import Flag
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity
from llamawatt.imports.counters import rising
from llamawatt.imports.format import Format, Options
from llamawatt.imports.json_documents import begins_as_json, documents
from llamawatt.imports.left_out import LeftOut
from llamawatt.imports.power_samples import PowerSample, power_series
from llamawatt.imports.recorded import ImportedLog, ImportedSeries, united
from llamawatt.imports.table import Row, number_of, read_table, separator_of, split
from llamawatt.imports.text_file import TextFile
from llamawatt.imports.timeline import Timeline, by_column

TOOL = "home-assistant"
ENTITY, STATE, CHANGED = "entity_id", "state", "last_changed"
UNIT = "unit"
_UNITS = {
    "w": (Quantity.POWER, 1.0), "kw": (Quantity.POWER, 1e3), "mw": (Quantity.POWER, 1e-3),
    "wh": (Quantity.ENERGY, 3600.0), "kwh": (Quantity.ENERGY, 3.6e6),
    "j": (Quantity.ENERGY, 1.0), "kj": (Quantity.ENERGY, 1e3),
}  # fmt: skip
_POWER = re.compile(r"(?:power|watt|watts|leistung|_w)(?:_\d+)?$", re.IGNORECASE)
_ENERGY = re.compile(r"(?:energy|kwh|consumption|energie|total)(?:_\d+)?$", re.IGNORECASE)
GAIN_ERROR = 0.02


@dataclass(frozen=True, slots=True)
class _Entity:
    """One sensor: what it tells, joules or watts in its unit, and whether that was guessed."""

    name: str
    quantity: Quantity
    scale: float
    is_guessed: bool


def _is_header(values: Sequence[str]) -> bool:
    return {ENTITY, STATE} <= {*values} and CHANGED in values


def _recognise(file: TextFile) -> bool:
    if begins_as_json(file):
        return any(f'"{ENTITY}"' in line and f'"{STATE}"' in line for line in file.lines[:200]) or (
            any(f'"{ENTITY}"' in line for line in file.lines[:200])
            and any(f'"{CHANGED}"' in line for line in file.lines[:200])
        )
    return any(_is_header(split(line, separator_of(line))) for line in file.head(3))


def _read(file: TextFile, options: Options) -> ImportedLog:
    left_out = LeftOut()
    if begins_as_json(file):
        rows: Sequence[Row] = list(_json_rows(file, left_out))
    else:
        rows = read_table(file, left_out, _is_header).rows
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.text(ENTITY), []).append(row)
    entities = {name: _entity(name, members, options) for name, members in groups.items()}
    told = {name: entity for name, entity in entities.items() if entity is not None}
    if not told:
        raise UsageError(
            f"{file.path} has no sensor of power or energy; it has {', '.join(groups) or 'none'}.",
            "Export the history of a power sensor, or name the unit as --unit W.",
        )
    timeline = by_column([row for row in rows if row.text(ENTITY) in told], CHANGED, left_out)
    names = _names(told, options)
    series: list[ImportedSeries] = []
    notes: list[str] = []
    for name, entity in told.items():
        found, said = _series(timeline, entity, names[name], left_out)
        series.append(found)
        notes += said
    left_out.require_most(file.path, sum(len(each.t_s) for each in series))
    flags = (Flag.UNIT_ASSUMED,) if any(each.is_guessed for each in told.values()) else ()
    return ImportedLog(
        source=file.path.name,
        tool=TOOL,
        started_at=timeline.started_at,
        series=tuple(series),
        flags=united([*flags, *left_out.flags]),
        notes=(*notes, *left_out.notes),
    )


def _json_rows(file: TextFile, left_out: LeftOut) -> Iterator[Row]:
    """Yield the states of a history; later states of an entity may leave out its name and unit."""
    number = 0
    for document in documents(file, left_out):
        groups = document if isinstance(document, list) else [document]
        for group in groups:
            name, unit = "", ""
            for state in group if isinstance(group, list) else [group]:
                if not isinstance(state, dict):
                    continue
                number += 1
                attributes = state.get("attributes")
                if isinstance(attributes, dict):
                    unit = str(attributes.get("unit_of_measurement", unit))
                name = str(state.get(ENTITY, name))
                when = state.get(CHANGED) or state.get("last_updated") or ""
                yield Row(
                    file.path,
                    number,
                    {
                        ENTITY: name,
                        STATE: str(state.get(STATE, "")),
                        CHANGED: str(when),
                        UNIT: unit,
                    },
                )


def _entity(name: str, members: Sequence[Row], options: Options) -> _Entity | None:
    """Return what a sensor tells; None if it is none of power or energy.

    Raises:
        UsageError: `--unit` names no unit of power or energy.
    """
    told = next((row.text(UNIT) for row in members if row.text(UNIT)), "")
    unit = options.unit or told
    if unit:
        if unit.lower() not in _UNITS or (unit[:1] == "M" and unit[1:] in {"W", "Wh"}):
            if options.unit:
                raise UsageError(
                    f"--unit {unit!r} is no unit of power or energy.", "Known are W, kW, Wh, kWh."
                )
            return None
        quantity, scale = _UNITS[unit.lower()]
        return _Entity(name, quantity, scale, is_guessed=False)
    if all(number_of(row.text(STATE)) is None for row in members):
        return None
    if _ENERGY.search(name):
        return _Entity(name, Quantity.ENERGY, 3.6e6, is_guessed=True)
    if _POWER.search(name):
        return _Entity(name, Quantity.POWER, 1.0, is_guessed=True)
    return None


def _names(told: dict[str, _Entity], options: Options) -> dict[str, str]:
    """Return a domain's name for each sensor: `wall` for one, else with its own name."""
    if len(told) == 1:
        return dict.fromkeys(told, options.domain or "wall")
    return {name: f"wall-{name.partition('.')[2] or name}" for name in told}


def _series(
    timeline: Timeline, entity: _Entity, domain_name: str, left_out: LeftOut
) -> tuple[ImportedSeries, list[str]]:
    domain = Domain(
        name=domain_name,
        kind=DomainKind.WALL,
        quantity=entity.quantity,
        method=Method.IMPORT,
        source=TOOL,
        device=entity.name,
        in_total=False,
        gain_error=GAIN_ERROR,
        gain_source="stated: makers of consumer plugs name 1 % to 2 %",
        note="What Home Assistant recorded of a sensor, at each change.",
    )
    samples = []
    for row, t_s in zip(timeline.rows, timeline.t_s, strict=True):
        if row.text(ENTITY) != entity.name:
            continue
        value = number_of(row.text(STATE))
        if value is None:
            left_out.add(row.number, f"{row.text(STATE)[:20]!r} is no figure")
        else:
            samples.append(PowerSample(row, t_s, value * entity.scale))
    said = [_guess(entity)] if entity.is_guessed else []
    if entity.quantity is Quantity.POWER:
        found, words = power_series(
            domain,
            samples,
            is_told_apart=True,
            whole_seconds=timeline.whole_seconds,
            holds=True,
        )
        return found, [*said, *words]
    if len(samples) < 2:
        where = samples[0].row.path if samples else "The file"
        raise UsageError(f"{where} has {len(samples)} states of {entity.name}; two are needed.")
    counted = rising(
        [each.row for each in samples],
        [each.t_s for each in samples],
        [each.power_w for each in samples],
        domain,
        left_out,
    )
    return ImportedSeries(domain, counted.t_s, counted.energy_j), said


def _guess(entity: _Entity) -> str:
    unit = "watts" if entity.quantity is Quantity.POWER else "kilowatt-hours"
    return f"{entity.name} names no unit and was taken to be in {unit}; --unit says otherwise."


FORMAT = Format("home-assistant", "a history of Home Assistant", _recognise, _read)
