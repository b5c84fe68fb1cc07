"""Judges models with llama.cpp's library: the one that comes along, or the user's own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from llamawatt.core.errors import ModelError
from llamawatt.host.libraries import with_libraries_of
from llamawatt.models.cache import known_sha256
from llamawatt.models.file import Progress
from llamawatt.models.gguf.inspect import ModelFacts, inspect_model, require_generating
from llamawatt.quality.eval_text import EvalText
from llamawatt.quality.libllama import bundled_library, library_at
from llamawatt.quality.scorer import ChunkScore, ScoreJob, require_same_size
from llamawatt.quality.scores import Plan, Scores, Subject

N_ERROR_BYTES = 4000


@dataclass(frozen=True, slots=True)
class LibraryBackend:
    """llama.cpp's library as a backend.

    Attributes:
        library: Where it is.
        version: Its file name and the start of its hash.
    """

    library: Path
    version: str
    name: str = "library"

    @classmethod
    def at(cls, named: Path | None = None) -> "LibraryBackend":
        """Find the library: the one named (or beside a program, or in a folder), or the bundled.

        Raises:
            ModelError: there is none.
        """
        library = (library_at(named) if named else bundled_library()).resolve()
        return cls(library, f"{library.name} {known_sha256(library)[:12]}")

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
        _require_long_enough(text, plan)
        # Before anything is loaded, so that a broken file is named.
        facts = [_generating(one.path) for one in (subject, reference) if one is not None]
        require_same_size(facts[0].n_vocab, facts[-1].n_vocab)
        text_path = work / "text.txt"
        text_path.write_text(text.text, "utf-8")
        kept = work / "chunks.jsonl"
        done = _finished(kept)
        n_chunks: int | None = None
        job = _job(self.library, subject, reference, text_path, plan, tuple(done))
        for line in _lines(job):
            if "chunk" in line:
                _append(kept, line)
                done[line["chunk"]] = ChunkScore(**line)
            else:
                n_chunks = line["n_chunks"]
            if progress is not None:
                progress(subject.path.stem, len(done), n_chunks)
        return _scores([done[chunk] for chunk in sorted(done)])


def _generating(path: Path) -> ModelFacts:
    facts = inspect_model(path)
    require_generating(path, facts)
    return facts


def _require_long_enough(text: EvalText, plan: Plan) -> None:
    """Refuse, before anything is loaded, a text of fewer bytes than two chunks have tokens."""
    n_bytes = len(text.text.encode())
    if n_bytes < 2 * plan.n_ctx:
        raise ModelError(
            f"The text has {n_bytes} bytes; a context of {plan.n_ctx} needs at least "
            f"{2 * plan.n_ctx} tokens.",
            "Give a longer text or a smaller --ctx.",
        )


def _job(
    library: Path,
    subject: Subject,
    reference: Subject | None,
    text: Path,
    plan: Plan,
    done: tuple[int, ...],
) -> ScoreJob:
    return ScoreJob(
        library=str(library),
        model=str(subject.path),
        setting=asdict(subject.setting),
        reference=str(reference.path) if reference else "",
        reference_setting=asdict(reference.setting) if reference else {},
        text=str(text),
        n_ctx=plan.n_ctx,
        n_chunks=plan.n_chunks,
        n_threads=plan.n_threads,
        n_gpu_layers=plan.n_gpu_layers,
        done=done,
    )


def _lines(job: ScoreJob) -> Iterator[dict[str, Any]]:
    """Run the scorer and yield its lines; its log goes to a file that is read when it fails."""
    log = Path(job.text).with_name("scorer.log")
    with log.open("wb") as errors, _started(job, errors) as child:
        try:
            for raw in child.stdout or ():
                line = json.loads(raw)
                if "error" in line:
                    raise ModelError(line["error"], line["remedy"])
                yield line
        except BaseException:
            child.kill()
            raise
    if child.returncode != 0:
        code = child.returncode
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
        raise ModelError(
            f"llama.cpp ended while it judged {job.model} ({how}): {_last_words(log)}",
            "Try another llama.cpp with --library, or a smaller --ctx.",
        )


def _started(job: ScoreJob, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(
        [sys.executable, "-m", "llamawatt.quality.scorer"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env=with_libraries_of(Path(job.library)),
    )
    if child.stdin is not None:
        with child.stdin:
            child.stdin.write(job.encode())
    return child


def _finished(path: Path) -> dict[int, ChunkScore]:
    """Return what an earlier call finished; a last line that a kill cut short is taken off."""
    if not path.is_file():
        return {}
    whole, newline, _ = path.read_bytes().rpartition(b"\n")
    with path.open("r+b") as file:
        file.truncate(len(whole) + len(newline))
    scores = (ChunkScore(**json.loads(line)) for line in whole.splitlines())
    return {score.chunk: score for score in scores}


def _append(path: Path, line: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _scores(chunks: list[ChunkScore]) -> Scores:
    compared = all(chunk.kld is not None for chunk in chunks)
    return Scores(
        nll=np.array([chunk.nll for chunk in chunks]),
        n_tokens=np.array([chunk.n_tokens for chunk in chunks], np.int64),
        n_bytes=np.array([chunk.n_bytes for chunk in chunks], np.int64),
        kld=np.array([chunk.kld for chunk in chunks]) if compared else None,
        same_top=np.array([chunk.same_top for chunk in chunks]) if compared else None,
    )


def _last_words(log: Path) -> str:
    lines = log.read_bytes()[-N_ERROR_BYTES:].decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing."
