"""Prompt suites: the three that ship with llamawatt, and the user's own JSONL."""

import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from llamawatt.core.errors import UsageError
from llamawatt.core.suggest import meant
from llamawatt.workloads.shape import Prompt, parse_shape, shape_prompts

DEFAULT_N_PREDICT = 128
"""Tokens generated for a user's prompt that does not say how many."""
_FOLDER = "llamawatt.workloads.suites"


@dataclass(frozen=True, slots=True)
class Suite:
    """A named set of prompts.

    Attributes:
        name: Its name, or the file's.
        prompts: In order.
        sha256: Hash of ids, texts, tokens and lengths: equal only for equal work.
        n_predict: Tokens generated per prompt (the most, where prompts differ).
    """

    name: str
    prompts: tuple[Prompt, ...]
    sha256: str
    n_predict: int


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str | None = None
    prompt: str = Field(min_length=1)
    n_predict: int = Field(default=DEFAULT_N_PREDICT, ge=1, le=1_000_000)


def suite_names() -> tuple[str, ...]:
    """Return the names of the built-in suites."""
    files = (Path(entry.name) for entry in resources.files(_FOLDER).iterdir())
    return tuple(sorted(file.stem for file in files if file.suffix == ".jsonl"))


def load_suite(name_or_path: str) -> Suite:
    """Load a built-in suite, a shape (`pp512+tg128`) or a user's file.

    A `.txt` file has one prompt a line. A JSONL line is
    `{"prompt": "…", "id": "…", "n_predict": 64}`; only `prompt` is required.

    Raises:
        UsageError: no such suite, or a broken line, named by file and line.
    """
    if name_or_path in suite_names():
        text = resources.files(_FOLDER).joinpath(f"{name_or_path}.jsonl").read_text("utf-8")
        return make_suite(name_or_path, parse_lines(text, f"{name_or_path}.jsonl"))
    shape = parse_shape(name_or_path)
    if shape is not None:
        return make_suite(name_or_path, shape_prompts(shape))
    path = Path(name_or_path)
    if path.suffix == ".jsonl" or path.is_file():
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"Could not read the suite {path} ({error}).") from error
        parse = parse_plain if path.suffix.lower() == ".txt" else parse_lines
        return make_suite(path.stem, parse(text, str(path)))
    raise UsageError(
        f"There is no suite {name_or_path!r}.",
        f"{meant(name_or_path, suite_names())}Built in are {', '.join(suite_names())}; a shape as "
        "pp512+tg128, a JSONL file or a .txt file with one prompt a line works too.",
    )


def parse_lines(text: str, where: str) -> tuple[Prompt, ...]:
    """Parse a suite's lines.

    Raises:
        UsageError: naming file and line of what does not hold.
    """
    prompts: dict[str, Prompt] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        parsed = _parse_line(line, f"{where}:{number}")
        identity = parsed.id or f"line-{number}"
        if identity in prompts:
            raise UsageError(f"{where}:{number}: the id {identity!r} was used before.")
        prompts[identity] = Prompt(identity, parsed.prompt, parsed.n_predict)
    if not prompts:
        raise UsageError(f"{where} holds no prompt.")
    return tuple(prompts.values())


def parse_plain(text: str, where: str) -> tuple[Prompt, ...]:
    """Parse plain text, one prompt a line; empty lines are left out.

    Raises:
        UsageError: there is no prompt in it.
    """
    lines = enumerate(text.removeprefix("\ufeff").splitlines(), start=1)
    prompts = tuple(
        Prompt(f"line-{number}", line.strip(), DEFAULT_N_PREDICT)
        for number, line in lines
        if line.strip()
    )
    if not prompts:
        raise UsageError(f"{where} holds no prompt.", "Write one prompt a line.")
    return prompts


def make_suite(name: str, prompts: tuple[Prompt, ...]) -> Suite:
    """Make a suite of prompts, with the hash of its content."""
    content = json.dumps([[p.id, p.content, p.n_predict] for p in prompts], ensure_ascii=False)
    digest = hashlib.sha256(content.encode()).hexdigest()
    return Suite(name, prompts, digest, max(prompt.n_predict for prompt in prompts))


def _parse_line(line: str, where: str) -> _Line:
    try:
        return _Line.model_validate_json(line)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in detail["loc"])
        raise UsageError(
            f"{where}: {field + ': ' if field else ''}{detail['msg']}.",
            'A line looks like {"prompt": "Why is the sky blue?", "n_predict": 64}.',
        ) from error
