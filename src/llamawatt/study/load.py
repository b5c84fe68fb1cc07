"""Reading study files: the built-in ones and the user's, with line numbers in every complaint."""

import math
from collections.abc import Mapping, Sequence
from importlib import resources
from itertools import chain
from pathlib import Path

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from llamawatt.core.errors import SpecError
from llamawatt.core.suggest import meant
from llamawatt.runs.schema import STUDY, check_schema
from llamawatt.runs.store import STUDY_FILE
from llamawatt.study.recorded import study_of
from llamawatt.study.spec import GroupSpec, ProtocolSpec, StudySpec

MOST_VALUES = 100_000
"""A study of more values than this is refused: a few aliases can stand for billions."""
_BUILTIN = "llamawatt.study.builtin"


def builtin_names() -> tuple[str, ...]:
    """Return the names of the built-in studies."""
    folder = resources.files(_BUILTIN)
    return tuple(
        sorted(f.name[: -len(".yaml")] for f in folder.iterdir() if f.name[-5:] == ".yaml")
    )


def builtin_text(name: str) -> str:
    """Return the YAML text of a built-in study.

    Raises:
        SpecError: there is none of that name.
    """
    if name not in builtin_names():
        raise SpecError(
            f"There is no study named {name!r}.",
            f"{meant(name, builtin_names())}Built in are {', '.join(builtin_names())}; or name a "
            "YAML file.",
        )
    return resources.files(_BUILTIN).joinpath(f"{name}.yaml").read_text("utf-8")


def load_study(name_or_path: str) -> StudySpec:
    """Load a built-in study by name, or a user's or a run's own `study.yaml` by path.

    Raises:
        SpecError: naming file, line and field of what does not hold.
    """
    text, where = study_text(name_or_path)
    return parse_study(text, where)


def study_text(name_or_path: str) -> tuple[str, str]:
    """Return the YAML text of a study, and where it stands.

    Args:
        name_or_path: A built-in study, a YAML file, or a run directory.

    Raises:
        SpecError: there is none, or it cannot be read.
    """
    path = Path(name_or_path)
    if name_or_path not in builtin_names() and (path / STUDY_FILE).is_file():
        path = path / STUDY_FILE
    if path.suffix not in {".yaml", ".yml"} and not path.is_file():
        return builtin_text(name_or_path), f"{name_or_path}.yaml"
    try:
        return path.read_text("utf-8"), str(path)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SpecError(
            f"Could not read the study {path} ({why}).", "`llamawatt study list` names some."
        ) from error


def parse_study(text: str, where: str) -> StudySpec:
    """Parse a study.

    Raises:
        SpecError: naming line and field of what does not hold.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
    except RecursionError as error:
        raise SpecError(f"{where} is nested deeper than any study is.") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that is none
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise SpecError(f"{where}{line} is not valid YAML: {problem}.") from error
    if not isinstance(raw, dict):
        raise SpecError(f"{where}:1 holds no study: a mapping with name and groups is wanted.")
    _require_few(root, where)
    _require_once(root, where)
    try:
        return _recorded(raw, where) if is_record(raw) else StudySpec.model_validate(raw)
    except ValidationError as error:
        raise SpecError(_complaint(error, root, where)) from error


def is_record(raw: Mapping[str, object]) -> bool:
    """Tell whether a study file is one that a run wrote."""
    return "schema" in raw and "arms" in raw


def _recorded(raw: dict[str, object], where: str) -> StudySpec:
    """Take a run's own study.yaml: its protocol is read as strictly as a user's.

    Raises:
        ValidationError: something in it does not hold.
        RunDirectoryError: it is of a newer schema.
    """
    check_schema(raw, where)
    record = STUDY.validate_python(raw)
    protocol = raw.get("protocol")
    return study_of(record, protocol if isinstance(protocol, dict) else {})


def _require_few(root: yaml.Node | None, where: str) -> None:
    """Refuse a study whose aliases (`*name`) stand for more values than any study holds.

    Raises:
        SpecError: they do, or one stands for itself.
    """
    n_values: dict[int, float] = {}

    def count(node: yaml.Node | None) -> float:
        if not isinstance(node, yaml.CollectionNode):
            return 1
        if id(node) not in n_values:
            n_values[id(node)] = math.inf  # what it has while it is counted: it holds itself
            parts = chain.from_iterable(
                part if isinstance(part, tuple) else (part,) for part in node.value
            )
            n_values[id(node)] = 1 + sum(map(count, parts))
        return n_values[id(node)]

    if count(root) > MOST_VALUES:
        raise SpecError(
            f"{where} holds more than {MOST_VALUES} values once its aliases are written out.",
            "Write out what is meant, or remove the aliases.",
        )


def _require_once(node: yaml.Node | None, where: str) -> None:
    """Refuse a key that stands twice in a mapping: YAML would silently take the last.

    Raises:
        SpecError: naming the second of them.
    """
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _require_once(item, where)
    if not isinstance(node, yaml.MappingNode):
        return
    seen = set()
    for key, value in node.value:
        if key.value in seen:
            raise SpecError(f"{where}:{key.start_mark.line + 1}: {key.value} stands there twice.")
        seen.add(key.value)
        _require_once(value, where)


def _complaint(error: ValidationError, root: yaml.Node | None, where: str) -> str:
    detail = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in detail["loc"])
    more = error.error_count() - 1
    tail = f" (and {more} more)" if more else ""
    return f"{where}:{line_of(root, detail['loc'])}: {field}: {_in_words(detail)}{tail}."


def _in_words(detail: ErrorDetails) -> str:
    """Say what is wrong with a field as its writer would, where pydantic speaks of its own."""
    if detail["type"] == "extra_forbidden":
        name = str(detail["loc"][-1])
        models = (StudySpec, GroupSpec, ProtocolSpec)
        near = meant(name, (field for model in models for field in model.model_fields))
        return f"there is no such field{f' ({near.strip()})' if near else ''}"
    if detail["type"] in {"tuple_type", "list_type"}:
        return f"a list is wanted, as [{detail['input']}]"
    return detail["msg"].removeprefix("Value error, ")


def line_of(node: yaml.Node | None, location: Sequence[str | int]) -> int:
    """Return the line (from 1) where a field stands, or where its nearest parent does."""
    line = 1
    for part in location:
        found = _child(node, part)
        if found is None:
            break
        line, node = found
    return line


def _child(node: yaml.Node | None, part: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return key.start_mark.line + 1, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item.start_mark.line + 1, item
    return None


def with_protocol(spec: StudySpec, changes: Mapping[str, object], seed: int | None) -> StudySpec:
    """Return a study with parts of its protocol and its seed changed.

    Raises:
        SpecError: a part is unknown or does not hold.
    """
    try:
        protocol = ProtocolSpec.model_validate({**spec.protocol.model_dump(), **changes})
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in detail["loc"])
        known = ", ".join(ProtocolSpec.model_fields)
        raise SpecError(
            f"protocol {name}: {_in_words(detail)}.",
            f"{meant(name, ProtocolSpec.model_fields)}Known are {known}.",
        ) from error
    return spec.model_copy(
        update={"protocol": protocol, "seed": spec.seed if seed is None else seed}
    )
