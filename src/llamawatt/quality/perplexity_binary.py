"""Judges models with the user's own llama-perplexity.

Perplexities are those it prints. It also writes every log-probability to a file, for the reference
and for the model, and these are compared here, so that figures per chunk exist. On a busy machine
it loses the last lines that it prints; those chunks are taken from the file, whose steps of 16
bits move a mean by less than 1e-4.
"""

import math
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from llamawatt.core.errors import ModelError
from llamawatt.models.cache import require_space
from llamawatt.models.file import Progress
from llamawatt.models.gguf.inspect import inspect_model
from llamawatt.quality.divergence import diverge, require_alike
from llamawatt.quality.eval_text import EvalText
from llamawatt.quality.logits import LogitsFile, Shape
from llamawatt.quality.scores import Plan, Scores, Subject, key_of
from llamawatt.quality.token_bytes import token_bytes

PROGRAM = "llama-perplexity"
REFERENCE_SUFFIX = ".reference.logits"
"""Of the reference's file, kept beside the work folders so that several models share it."""
FEWEST_BYTES_PER_TOKEN = 3
"""Of English prose in any vocabulary of today: bounds how many chunks a text may come to."""
_RUNNING = re.compile(r"\[(\d+)\]([0-9.]+|-?nan|inf),")
_N_CHUNKS = re.compile(r"calculating perplexity over (\d+) chunks")
_TOO_SHORT = re.compile(r"you need at least (\d+) tokens .*?only (\d+) tokens", re.DOTALL)


def find_program(named: Path | None = None) -> Path:
    """Return llama-perplexity: the one named, or the one on PATH.

    Raises:
        ModelError: there is none.
    """
    found = shutil.which(str(named) if named else PROGRAM)
    if found is None:
        raise ModelError(
            f"There is no {named or PROGRAM}.",
            "Build llama.cpp and name its llama-perplexity with --binary.",
        )
    return Path(found)


@dataclass(frozen=True, slots=True)
class BinaryBackend:
    """llama-perplexity as a backend.

    Attributes:
        program: Where it is.
        version: What it says of itself.
    """

    program: Path
    version: str
    name: str = "binary"

    @classmethod
    def at(cls, named: Path | None = None) -> "BinaryBackend":
        """Find it and ask its version.

        Raises:
            ModelError: there is none, or it does not run.
        """
        program = find_program(named)
        try:
            done = subprocess.run(
                [program, "--version"],
                capture_output=True, text=True, check=False, env=_environment(program),
            )  # fmt: skip
        except OSError as error:
            raise ModelError(f"{program} does not run ({error.strerror}).") from error
        if done.returncode != 0:
            raise ModelError(f"{program} does not run: {_last(done.stderr)}.")
        return cls(program, _last((done.stdout + done.stderr).partition("\nbuilt")[0]))

    def score(
        self,
        subject: Subject,
        reference: Subject | None,
        text: EvalText,
        plan: Plan,
        work: Path,
        progress: Progress | None = None,
    ) -> Scores:
        """Judge a model. See `scores.Backend`."""
        require_long_enough(text, plan)
        text_path = work / "text.txt"
        text_path.write_text(text.text, "utf-8")
        theirs = None
        if reference is not None:
            _require_same_size(subject, reference)
            key = key_of(reference, None, text, plan, f"{self.name} {self.version}")
            theirs = work.parent / f"{key}{REFERENCE_SUFFIX}"
            if not theirs.is_file():
                self._run(reference, text, text_path, plan, theirs, progress)
        # Bytes per token need the tokens, which only the file of log-probabilities names.
        ours = work / "model.logits"
        nll = self._run(subject, text, text_path, plan, ours, progress)
        try:
            return _scores(nll, ours, theirs, subject)
        finally:
            ours.unlink()

    def _run(
        self,
        subject: Subject,
        text: EvalText,
        text_path: Path,
        plan: Plan,
        logits: Path,
        progress: Progress | None,
    ) -> list[float]:
        require_space(logits.parent, _most_bytes(subject, text, plan))
        part = logits.with_suffix(".part")
        command = [*_command(self.program, subject, text_path, plan), "--kl-divergence-base"]
        nll: list[float] = []
        with subprocess.Popen(
            [*command, str(part)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=_environment(self.program),
        ) as process:  # fmt: skip
            said = ""
            try:
                for piece in _pieces(process):
                    said += piece
                    nll = running_nll(said)
                    total = _N_CHUNKS.search(said)
                    if progress is not None and total is not None:
                        progress(subject.path.stem, len(nll), int(total.group(1)))
            except BaseException:
                process.kill()
                part.unlink(missing_ok=True)
                raise
        whole = process.returncode == 0 and _is_whole(part)
        if not whole or not all(map(math.isfinite, nll)):
            part.unlink(missing_ok=True)
            raise _explained(subject, said, process.returncode)
        part.replace(logits)
        return nll


def running_nll(said: str) -> list[float]:
    """Return each chunk's mean negative log-likelihood from the running perplexities printed.

    After c chunks the program prints P_c = exp(mean of all c), so that chunk c has
    c ln P_c - (c - 1) ln P_(c-1).
    """
    totals = [0.0]
    for number, value in _RUNNING.findall(said):
        perplexity = float(value)
        if int(number) == len(totals):
            totals.append(len(totals) * math.log(perplexity) if perplexity > 0 else math.nan)
    return [after - before for before, after in pairwise(totals)]


def _scores(nll: list[float], ours: Path, theirs: Path | None, subject: Subject) -> Scores:
    with LogitsFile(ours) as file:
        scored = file.scored_tokens()
        sizes = token_bytes(subject.path)
        written = [file.nll(chunk) for chunk in range(len(nll), len(scored))]
        if not np.isfinite(written).all():
            raise _not_finite(subject)
        scores = Scores(
            nll=np.array([*nll, *written]) * file.shape.n_scored,
            n_tokens=np.full(len(scored), file.shape.n_scored),
            n_bytes=None if sizes is None else sizes[scored].sum(axis=1),
        )
        if theirs is None:
            return scores
        with LogitsFile(theirs) as other:
            require_alike(other, file)
            found = diverge(other, file)
    return replace(scores, kld=found.kld, same_top=found.agrees)


def _command(program: Path, subject: Subject, text_path: Path, plan: Plan) -> list[str]:
    setting = subject.setting
    chunks = [] if plan.n_chunks is None else ["--chunks", str(plan.n_chunks)]
    return [
        *(str(program), "--model", str(subject.path), "--file", str(text_path)),
        *("--ctx-size", str(plan.n_ctx), "--threads", str(plan.n_threads)),
        *("--n-gpu-layers", str(plan.n_gpu_layers), "--flash-attn", setting.flash_attn),
        *("--cache-type-k", setting.cache_type_k, "--cache-type-v", setting.cache_type_v),
        *chunks,
    ]


def _environment(program: Path) -> dict[str, str]:
    """Let a program find the libraries beside it."""
    folder = str(program.resolve().parent)
    known = os.environ.get("LD_LIBRARY_PATH")
    return os.environ | {"LD_LIBRARY_PATH": f"{folder}:{known}" if known else folder}


def _pieces(process: subprocess.Popen[bytes]) -> Iterator[str]:
    stream = process.stdout
    while stream is not None and (piece := os.read(stream.fileno(), 1 << 16)):
        yield piece.decode("utf-8", "replace")


def _explained(subject: Subject, said: str, code: int) -> ModelError:
    short = _TOO_SHORT.search(said)
    if short is not None:
        return too_short(int(short.group(2)), int(short.group(1)) // 2)
    if "nan" in said:
        return _not_finite(subject)
    return ModelError(f"{PROGRAM} failed on {subject.path.name} ({code}): {_last(said)}.")


def _not_finite(subject: Subject) -> ModelError:
    return ModelError(f"{subject.path.name} predicts nothing finite.", "The file is broken.")


def require_long_enough(text: EvalText, plan: Plan) -> None:
    """Check that a text can hold two chunks, before anything is loaded.

    Raises:
        ModelError: it has fewer bytes than two chunks have tokens.
    """
    n_bytes = len(text.text.encode())
    if n_bytes < 2 * plan.n_ctx:
        raise ModelError(
            f"The text has {n_bytes} bytes; a context of {plan.n_ctx} needs at least "
            f"{2 * plan.n_ctx} tokens.",
            "Give a longer text or a smaller --ctx.",
        )


def too_short(n_tokens: int, n_ctx: int) -> ModelError:
    """Return the error of a text shorter than two chunks."""
    return ModelError(
        f"The text has {n_tokens} tokens; a context of {n_ctx} needs at least {2 * n_ctx}.",
        "Give a longer text or a smaller --ctx.",
    )


def _require_same_size(subject: Subject, reference: Subject) -> None:
    ours, theirs = (inspect_model(one.path).n_vocab for one in (subject, reference))
    if ours != theirs:
        raise ModelError(
            f"The reference has a vocabulary of {theirs} tokens, "
            f"{subject.path.name} one of {ours}.",
            "Choose as reference the same model at more bits.",
        )


def _most_bytes(subject: Subject, text: EvalText, plan: Plan) -> int:
    n_vocab = inspect_model(subject.path).n_vocab or 0
    n_chunks = len(text.text.encode()) // FEWEST_BYTES_PER_TOKEN // plan.n_ctx + 1
    return Shape(plan.n_ctx, n_vocab, min(n_chunks, plan.n_chunks or n_chunks)).size_bytes


def _is_whole(logits: Path) -> bool:
    try:
        with LogitsFile(logits):
            return True
    except (ModelError, OSError):
        return False


def _last(said: str) -> str:
    lines = [line.strip() for line in said.strip().splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
