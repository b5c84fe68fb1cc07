"""Fewer bits: a GGUF quantised by llama.cpp in a child process, under its real name when whole."""

import re
import subprocess
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from llamawatt.core.errors import ModelError
from llamawatt.models.cache import landing, require_space
from llamawatt.models.file import Progress
from llamawatt.models.gguf.inspect import ModelFacts, inspect_model
from llamawatt.models.make.quantizations import (
    FULL_TYPES,
    NEED_IMATRIX,
    known_name,
    likely_size_bytes,
)
from llamawatt.models.make.quantizer import Job, Quantizer

_TENSOR = re.compile(r"\[\s*(\d+)\s*/\s*(\d+)\s*\]")
N_LAST_LINES = 60


@dataclass(frozen=True, slots=True)
class Quantized:
    """What came of it.

    Attributes:
        path: The new model.
        quantization: What was asked for.
        by: What quantised.
        source_facts: Of the source.
        facts: Of the new model; its warnings say when the label promises what it does not hold.
        requantized: Whether the source was quantised already, which costs quality twice.
        size_bytes: Of the new file.
    """

    path: Path
    quantization: str
    by: str
    source_facts: ModelFacts
    facts: ModelFacts
    requantized: bool
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Choices:
    """How to quantise.

    Attributes:
        imatrix: Importance matrix file of llama-imatrix.
        requantize: Whether a source that is quantised already will do.
        overwrite: Whether a file of that name may be replaced.
        n_threads: Threads; 0 lets llama.cpp choose.
    """

    imatrix: Path | None = None
    requantize: bool = False
    overwrite: bool = False
    n_threads: int = 0


def quantize(
    source: Path,
    target: Path,
    quantization: str,
    by: Quantizer,
    choices: Choices | None = None,
    progress: Progress | None = None,
) -> Quantized:
    """Write `source` at another bit width to `target`.

    Args:
        source: A GGUF.
        target: Where to; written whole or not at all.
        quantization: One of `QUANTIZATIONS`.
        by: What quantises, from `find_quantizer`.
        choices: How.
        progress: Hears tensors done and tensors in all.

    Raises:
        ModelError: the source is broken, the same as the target or already quantised, the
            quantisation is unknown or wants an importance matrix, the disk is too small, or
            llama.cpp failed.
    """
    chosen = choices or Choices()
    name = known_name(quantization)
    before = inspect_model(source)
    _require_sense(source, target, name, before, chosen)
    with landing(target) as part:
        require_space(part.parent, likely_size_bytes(name, before.n_params))
        job = Job(source, part, name, chosen.n_threads, chosen.requantize, chosen.imatrix)
        _run(by, job, progress or (lambda *_: None))
        after = inspect_model(part)
    # The part has another name than the model, so what the name claims is looked at again.
    after = replace(after, warnings=inspect_model(target).warnings)
    requantized = before.quantization not in FULL_TYPES
    return Quantized(target, name, by.name, before, after, requantized, target.stat().st_size)


def _require_sense(
    source: Path, target: Path, name: str, before: ModelFacts, choices: Choices
) -> None:
    if target.resolve() == source.resolve() or (target.exists() and target.samefile(source)):
        raise ModelError(f"{target} is the source itself.", "Name another file to write.")
    if target.is_dir():
        raise ModelError(f"{target} is a folder.", "Name the file to write.")
    if target.exists() and not choices.overwrite:
        raise ModelError(f"{target} is there already.", "Name another file, or add --force.")
    if name in NEED_IMATRIX and choices.imatrix is None:
        raise ModelError(
            f"{name} needs an importance matrix.",
            "Make one with llama-imatrix, and name it with --imatrix.",
        )
    if choices.imatrix is not None and not choices.imatrix.is_file():
        raise ModelError(f"There is no importance matrix {choices.imatrix}.", "Check the path.")
    if not before.n_params:
        raise ModelError(f"{source} holds no weights: {before.not_generating}.", "Name a model.")
    if before.quantization not in FULL_TYPES and not choices.requantize:
        raise ModelError(
            f"{source} is quantised already ({before.quantization}): quality would be lost twice.",
            "Start from F16 or BF16, or add --allow-requantize.",
        )


def _run(by: Quantizer, job: Job, progress: Progress) -> None:
    last: deque[str] = deque(maxlen=N_LAST_LINES)
    try:
        with _started(by, job) as child:
            try:
                for line in _lines(child.stdout):
                    last.append(line)
                    if found := _TENSOR.search(line):
                        progress(f"quantising to {job.quantization}", *map(int, found.groups()))
            except BaseException:
                child.kill()
                raise
    except OSError as error:
        raise ModelError(f"{by.name} does not start ({error.strerror}).") from error
    code = child.returncode
    if code != 0 or not job.part.is_file():
        how = f"was killed by signal {-code}" if code < 0 else f"failed with code {code}"
        raise ModelError(f"{by.name} {how}: {_complaint(last)}", "Nothing was written.")


def _started(by: Quantizer, job: Job) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        by.command(job),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=by.environment(),
    )


def _lines(stream: IO[bytes] | None) -> Iterator[str]:
    for raw in stream or ():
        yield raw.decode("utf-8", "replace").rstrip()


def _complaint(lines: deque[str]) -> str:
    telling = [line for line in lines if re.search(r"(?i)error|failed|exception|assert", line)]
    return (telling or [line for line in lines if line] or ["it said nothing."])[-1][:300]
