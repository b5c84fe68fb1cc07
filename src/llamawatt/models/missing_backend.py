"""Stands where no llama.cpp can judge: every model asked for is answered with the reason."""

from dataclasses import dataclass
from pathlib import Path

from llamawatt.core.errors import ModelError
from llamawatt.models.evaltext import EvalText
from llamawatt.models.file import Progress
from llamawatt.models.scores import Plan, Scores, Subject


@dataclass(frozen=True, slots=True)
class MissingBackend:
    """Judges nothing. See `scores.Backend`.

    Attributes:
        why: Why there is none.
    """

    why: ModelError
    name: str = "none"
    version: str = ""

    def score(
        self,
        subject: Subject,  # noqa: ARG002
        reference: Subject | None,  # noqa: ARG002
        text: EvalText,  # noqa: ARG002
        plan: Plan,  # noqa: ARG002
        work: Path,  # noqa: ARG002
        progress: Progress | None = None,  # noqa: ARG002
    ) -> Scores:
        """Judge nothing.

        Raises:
            ModelError: always, with the reason.
        """
        raise self.why
