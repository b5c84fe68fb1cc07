"""Reads the configuration file; what does not hold is named with file, line and nearest key."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ValidationError

from llamawatt.core.errors import SpecError
from llamawatt.core.suggest import meant
from llamawatt.gateway.config.tables import UNMEASURED, Configuration, ServerTable, TargetTable
from llamawatt.gateway.costs import TargetCosts
from llamawatt.gateway.profile_file import read_profile
from llamawatt.targets.spec import make_spec

_HEADER = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(
    r"""^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|[\w-]+))*)\s*="""
)
_PART = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*(?:\.|$)""")


def read_configuration(path: Path) -> Configuration:
    """Read and check a configuration file.

    Raises:
        SpecError: it cannot be read, is no TOML, or a value of it does not hold.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SpecError(f"{path} cannot be read ({why}).") from error
    try:
        found = Configuration.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{path}: this is no TOML: {error}.") from error
    except ValidationError as error:
        raise _refusal(path, text, error) from error
    for name, model in found.models.items():
        for target, table in model.targets.items():
            place = ("models", name, "targets", target)
            _check_settings(path, text, place, table)
    return found


def costs_of(table: TargetTable, folder: Path) -> TargetCosts:
    """Return what a target costs: by its own table, its profile, or a guess to learn from.

    Raises:
        SpecError: the profile cannot be read or has no such target.
    """
    if table.costs is not None:
        return table.costs.costs()
    if not table.profile:
        return replace(UNMEASURED, gpu_share=0.9 if table.on_gpu else 0.0)
    file, _, name = table.profile.partition("#")
    found = read_profile(folder / file)
    if name in found or (not name and len(found) == 1):
        return found[name] if name else next(iter(found.values()))
    raise SpecError(
        f"The profile {file} has no target {name!r}.",
        f"{meant(name, found)}It has {', '.join(found)}; write {file}#TARGET.",
    )


def _check_settings(path: Path, text: str, place: Sequence[str], table: TargetTable) -> None:
    try:
        make_spec(table.settings)
    except SpecError as error:
        line = line_of(text, (*place, "settings"))
        raise SpecError(f"{path}:{line}: {error.what}", error.remedy) from error


def _refusal(path: Path, text: str, error: ValidationError) -> SpecError:
    found = error.errors(include_url=False)
    # A key with a typo also leaves the right one out; the typo is what helps.
    first = next((each for each in found if each["type"] == "extra_forbidden"), found[0])
    place = tuple(map(str, first["loc"]))
    line = line_of(text, place)
    named = ".".join(place)
    if first["type"] == "extra_forbidden":
        known = _known(place)
        return SpecError(
            f"{path}:{line}: there is no key {named}.",
            f"{meant(place[-1], known)}Known here: {', '.join(known)}.",
        )
    complaint = first["msg"].removeprefix("Value error, ")
    complaint = complaint[:1].lower() + complaint[1:]
    where = f"{named} does not hold: " if named else ""
    return SpecError(f"{path}:{line}: {where}{complaint}.")


def _known(place: Sequence[str]) -> list[str]:
    """Return the keys that the table of an unknown key has."""
    table: type[BaseModel] = Configuration
    for part in place[:-1]:
        if part in table.model_fields:
            inner = _table_in(table.model_fields[part].annotation)
            table = inner or table
    return list(table.model_fields)


def _table_in(annotation: object) -> type[BaseModel] | None:
    """Return the table that a field holds, alone or in a mapping or list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_table_in(each) for each in get_args(annotation))
    return next((each for each in found if each is not None), None)


def line_of(text: str, place: Sequence[str]) -> int:
    """Return the line on which a key stands, or the nearest table around it; 1 when neither."""
    best, best_depth, table, counts = 1, 0, tuple[str, ...](), dict[tuple[str, ...], int]()
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header:
            table = _parts(header[1])
            if line.lstrip().startswith("[["):
                counts[table] = counts.get(table, -1) + 1
                table = (*table, str(counts[table]))
            found = table
        else:
            key = _KEY.match(line)
            if not key:
                continue
            found = (*table, *_parts(key[1]))
        depth = _common(found, place)
        if depth == len(found) and depth > best_depth:
            best, best_depth = number, depth
    return best


def _parts(text: str) -> tuple[str, ...]:
    return tuple(next(filter(None, match.groups()), "") for match in _PART.finditer(text))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


@dataclass(frozen=True, slots=True)
class Source:
    """Where a configuration comes from, to be read again when it changes.

    Attributes:
        path: The file.
        changes: Values of its `server` table that the command line overrides.
    """

    path: Path
    changes: Mapping[str, object] = field(default_factory=dict)

    def read(self) -> Configuration:
        """Read it.

        Raises:
            SpecError: as `read_configuration`.
        """
        return with_server(read_configuration(self.path), self.changes)


def with_server(found: Configuration, changes: Mapping[str, object]) -> Configuration:
    """Return a configuration with other values in its `server` table.

    Raises:
        SpecError: one does not hold.
    """
    try:
        server = ServerTable.model_validate({**found.server.model_dump(), **changes})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        named = ".".join(map(str, first["loc"]))
        raise SpecError(f"{named} does not hold: {first['msg']}.") from error
    return found.model_copy(update={"server": server})


def single(name: str, table: Mapping[str, object], server: Mapping[str, object]) -> Configuration:
    """Return the configuration of one model with one target, for a start without a file.

    Raises:
        SpecError: a value does not hold.
    """
    given = {"server": dict(server), "models": {name: {"targets": {"local": dict(table)}}}}
    try:
        return Configuration.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        named = ".".join(map(str, first["loc"]))
        raise SpecError(f"{named} does not hold: {first['msg']}.") from error
