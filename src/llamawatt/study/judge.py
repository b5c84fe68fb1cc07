"""Judges the models of a study, so that a joule saved stands beside what it cost in quality."""

from collections.abc import Sequence

from llamawatt.core.errors import ModelError
from llamawatt.core.plan import QualityRecord
from llamawatt.models.evaltext import EvalText, load_text
from llamawatt.models.file import ModelFile, Progress
from llamawatt.models.quality import Candidate, Figure, Quality, measure_quality
from llamawatt.models.scores import Backend
from llamawatt.models.scores import Plan as Reading
from llamawatt.study.plan import ModelSource

RANDOM = "its weights are random, which have no quality"


def judge(
    models: Sequence[ModelSource],
    backend: Backend,
    reading: Reading,
    text: EvalText | None = None,
    progress: Progress | None = None,
) -> tuple[QualityRecord, ...]:
    """Judge models on a text against the one with most bits per weight.

    A model that cannot be judged says why in its record and costs the others nothing. What was
    judged before is taken from the cache of the models.

    Args:
        models: Those of the study, in its order.
        backend: What judges.
        reading: How much text, with how many threads.
        text: What to predict; the one shipped when None.
        progress: Hears what is judged.

    Returns:
        One record per model, in the same order.
    """
    real = [model for model in models if not model.record.synthetic]
    if not real:
        return tuple(_not_judged(model, RANDOM) for model in models)
    base = _candidate(reference_of(real)) if len(real) > 1 else None
    words = text or load_text()

    def measured(some: Sequence[ModelSource]) -> list[Quality]:
        candidates = [_candidate(model) for model in some]
        return measure_quality(candidates, base, words, reading, backend, progress)

    try:
        found = [_record(quality) for quality in measured(real)]
    except ModelError:  # one by one, to learn which; those judged already are kept
        found = []
        for model in real:
            try:
                found += [_record(quality) for quality in measured([model])]
            except ModelError as error:
                found.append(_not_judged(model, str(error)))
    by_name = {record.model: record for record in found}
    return tuple(by_name.get(model.record.name) or _not_judged(model, RANDOM) for model in models)


def reference_of(models: Sequence[ModelSource]) -> ModelSource:
    """Return the model with most bits per weight, the first of equals."""
    return max(models, key=lambda model: model.record.bits_per_weight or 0.0)


def _candidate(model: ModelSource) -> Candidate:
    record = model.record
    return Candidate(ModelFile(model.path, record.name, record.source, record.sha256))


def _not_judged(model: ModelSource, why: str) -> QualityRecord:
    return QualityRecord(model.record.name, not_judged=why)


def _record(found: Quality) -> QualityRecord:
    kld = found.kld
    return QualityRecord(
        model=found.model,
        perplexity=found.perplexity.value,
        perplexity_low=found.perplexity.low,
        perplexity_high=found.perplexity.high,
        bits_per_byte=_value(found.bits_per_byte),
        kld=_value(kld),
        kld_low=None if kld is None else kld.low,
        kld_high=None if kld is None else kld.high,
        kld_p99=_value(found.kld_p99),
        same_top=_value(found.same_top),
        reference=found.reference,
        text=found.text,
        n_tokens=found.n_tokens,
        backend=found.backend,
    )


def _value(figure: Figure | None) -> float | None:
    return None if figure is None else figure.value
