"""Models that are split over several files: `NAME-00001-of-00003.gguf` and those beside it."""

import re
from collections.abc import Callable
from pathlib import Path

from llamawatt.core.errors import ModelError
from llamawatt.models.gguf.header import Header

_NAME = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf", re.IGNORECASE)


def part_names(name: str) -> tuple[str, ...]:
    """Return the names of all parts of the model whose first part is named so; itself if whole.

    Raises:
        ModelError: it is the name of another part than the first.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        return (name,)
    number, count = int(found["number"]), int(found["count"])
    names = tuple(
        f"{found['stem']}-{each:05}-of-{found['count']}{name[-5:]}" for each in range(1, count + 1)
    )
    if number != 1 and count > 1:
        raise ModelError(
            f"{name} is part {number} of {count} of a model.",
            f"Name the first part, {names[0] if names else name}; the others are found by it.",
        )
    return names or (name,)


def find_parts(path: Path, header: Header, read: Callable[[Path], Header]) -> dict[Path, Header]:
    """Return the headers of all parts of a model, by path; only its own for one that is whole.

    Args:
        path: The first part, or the whole model.
        header: Its header.
        read: Reads a header.

    Raises:
        ModelError: it is not the first part, or a part is missing or of another model.
    """
    count = header.whole("split.count") or 1
    if count < 2:
        return {path: header}
    number = (header.whole("split.no") or 0) + 1
    named = _NAME.fullmatch(path.name)
    names = part_names(path.name)
    if number != 1 or named is None or len(names) != count:
        raise ModelError(
            f"{path} holds part {number} of {count} of a model.",
            f"Name the first part, as NAME-00001-of-{count:05}.gguf with the others beside it.",
        )
    missing = [name for name in names if not (path.parent / name).is_file()]
    if missing:
        raise ModelError(
            f"{path} is part 1 of {count} of a model; {missing[0]} is missing"
            + (f", and {len(missing) - 1} more" if len(missing) > 1 else "")
            + ".",
            "Fetch all parts into one folder.",
        )
    found = {path: header}
    for number, name in enumerate(names[1:], start=2):
        part = read(path.parent / name)
        if (part.whole("split.no"), part.whole("split.count")) != (number - 1, count):
            raise ModelError(
                f"{path.parent / name} does not hold part {number} of {count}.", "Fetch it again."
            )
        found[path.parent / name] = part
    total = header.whole("split.tensors.count")
    n_tensors = sum(len(each.tensors) for each in found.values())
    if total is not None and total != n_tensors:
        raise ModelError(
            f"The parts of {path} hold {n_tensors} tensors; {total} are promised.",
            "They are of different models; fetch all of them again.",
        )
    return found
