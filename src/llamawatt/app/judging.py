"""Judges the models of a study, so that a joule saved stands beside what it cost in quality."""

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path

from llamawatt.app.assemble import now_text
from llamawatt.app.machine_record import n_usable_cores
from llamawatt.core.cache_types import cache_setting
from llamawatt.core.errors import ModelError
from llamawatt.core.plan import (
    CACHE,
    ArmRecord,
    QualityRecord,
    RunEvent,
    judged_name,
    setting_text,
)
from llamawatt.measure.observer import Observer
from llamawatt.models.file import ModelFile, Progress
from llamawatt.quality.eval_text import EvalText, load_text
from llamawatt.quality.judgement import Candidate, Figure, Quality, measure_quality
from llamawatt.quality.library_backend import LibraryBackend
from llamawatt.quality.loaded import Setting
from llamawatt.quality.scores import Backend
from llamawatt.quality.scores import Plan as Reading
from llamawatt.runs.quality import read_quality
from llamawatt.runs.store import RunWriter
from llamawatt.study.plan import ModelSource, Plan

RANDOM = "its weights are random, which have no quality"
LONG_CTX = 1024
"""Window of text for cache types, tokens, whose error grows with what is in the cache.

The longest power of two of which the text shipped (some 6 000 tokens) still holds five windows or
six: two or three, at 2048, have no interval to speak of.
"""


@dataclass(frozen=True, slots=True)
class Judging:
    """How models are judged.

    Attributes:
        backend: What judges, or why nothing can.
        reading: How much text, with how many threads; cache settings take longer windows.
        text: What to predict; the one shipped when None.
        progress: Hears what is judged.
    """

    backend: Backend | ModelError
    reading: Reading
    text: EvalText | None = None
    progress: Progress | None = None


def judge_plan(plan: Plan, how: Judging) -> tuple[QualityRecord, ...]:
    """Judge what a study compares: its models, and each cache setting that its arms run with.

    Args:
        plan: The study.
        how: How they are judged.

    Returns:
        Records of models (unless only settings are compared), then of settings.
    """
    models = tuple(plan.models.values())
    arms = [arm.record for arm in plan.arms]
    caches = [arm for arm in arms if CACHE in {arm.group, *arm.also_in}]
    found: tuple[QualityRecord, ...] = ()
    if any({arm.group, *arm.also_in} != {CACHE} for arm in arms):
        found = judge(models, how)
    for model in models:
        own = dict.fromkeys(setting_of(arm) for arm in caches if arm.model == model.record.name)
        if own:
            found += judge_settings(model, tuple(own), how)
    return found


def judge_run(plan: Plan, server: Path | None, writer: RunWriter, observer: Observer) -> None:
    """Judge models or settings of a run while its directory is ours, and say what was not judged.

    What an earlier judgement found is kept where nothing can judge now.

    Args:
        plan: The study.
        server: The user's own llama-server, whose library judges where none comes along.
        writer: Where it is written.
        observer: Hears how far it is.
    """

    def progress(name: str, done: int, total: int | None) -> None:
        observer.doing(f"judging {name}: {done} of {total or '?'} chunks")

    observer.doing("judging quality on the text that comes with llamawatt")
    backend = backend_at(server)
    records = judge_plan(
        plan, Judging(backend, Reading(n_threads=n_usable_cores()), None, progress)
    )
    if not (isinstance(backend, ModelError) and read_quality(writer.path)):
        writer.set_quality(records)
    for record in records:
        if record.not_judged:
            text = f"{judged_name(record)} was not judged: {record.not_judged.rstrip('.')}."
            event = RunEvent("warning", text, at=now_text())
            writer.append_event(event)
            observer.noted(event)


def backend_at(server: Path | None) -> Backend | ModelError:
    """Return llama.cpp as it comes along, else beside the user's server, else why there is none."""
    try:
        return LibraryBackend.at(None)
    except ModelError as without:
        try:
            return LibraryBackend.at(server) if server else without
        except ModelError as error:
            return error


def setting_of(arm: ArmRecord) -> Setting:
    """Return the cache types and flash attention of an arm, llama.cpp's own where it says none."""
    return Setting(*cache_setting(arm))


def judge_settings(
    model: ModelSource, settings: Sequence[Setting], how: Judging
) -> tuple[QualityRecord, ...]:
    """Judge cache settings of one model against its own f16 cache, the first such of the settings.

    Args:
        model: The model.
        settings: Those of the study's arms, each once.
        how: As for `judge`, but in windows of `LONG_CTX` tokens, or the model's whole context.

    Returns:
        One record per setting, in the same order.
    """
    if model.record.synthetic:
        return tuple(_settled(_not_judged(model, RANDOM), each) for each in settings)
    plain = (each for each in settings if (each.cache_type_k, each.cache_type_v) == ("f16", "f16"))
    base = _candidate(model, next(plain, Setting()))
    reading = replace(how.reading, n_ctx=min(LONG_CTX, model.n_ctx_train or LONG_CTX))
    candidates = [_candidate(model, each) for each in settings]
    found = _records(candidates, base, replace(how, reading=reading))
    plain_text = setting_text(*astuple(base.setting))
    name = f"{model.record.name} at {plain_text}"
    return tuple(
        replace(_settled(record, each), reference=name if record.reference else "")
        for record, each in zip(found, settings, strict=True)
    )


def judge(models: Sequence[ModelSource], how: Judging) -> tuple[QualityRecord, ...]:
    """Judge models on a text against the one with most bits per weight.

    A model that cannot be judged says why in its record and costs the others nothing. What was
    judged before is taken from the cache of the models.

    Args:
        models: Those of the study, in its order.
        how: How they are judged.

    Returns:
        One record per model, in the same order.
    """
    real = [model for model in models if not model.record.synthetic]
    if not real:
        return tuple(_not_judged(model, RANDOM) for model in models)
    base = _candidate(reference_of(real)) if len(real) > 1 else None
    candidates = [_candidate(model) for model in real]
    found = _records(candidates, base, how)
    by_name = {record.model: record for record in found}
    return tuple(by_name.get(model.record.name) or _not_judged(model, RANDOM) for model in models)


def reference_of(models: Sequence[ModelSource]) -> ModelSource:
    """Return the model with most bits per weight, the first of equals."""
    return max(models, key=lambda model: model.record.bits_per_weight or 0.0)


def _candidate(model: ModelSource, setting: Setting | None = None) -> Candidate:
    record = model.record
    file = ModelFile(model.path, record.name, record.source, record.sha256)
    return Candidate(file, setting or Setting())


def _records(
    candidates: Sequence[Candidate], base: Candidate | None, how: Judging
) -> list[QualityRecord]:
    """Judge candidates; one that cannot be judged says why and costs the others nothing."""
    backend = how.backend
    if isinstance(backend, ModelError):
        return [QualityRecord(each.file.name, not_judged=str(backend)) for each in candidates]
    words = how.text or load_text()

    def measured(some: Sequence[Candidate]) -> list[Quality]:
        return measure_quality(some, base, words, how.reading, backend, how.progress)

    try:
        return [_record(quality) for quality in measured(candidates)]
    except ModelError:  # one by one, to learn which; those judged already are kept
        found = []
        for candidate in candidates:
            try:
                found += [_record(quality) for quality in measured([candidate])]
            except ModelError as error:
                found.append(QualityRecord(candidate.file.name, not_judged=str(error)))
        return found


def _not_judged(model: ModelSource, why: str) -> QualityRecord:
    return QualityRecord(model.record.name, not_judged=why)


def _settled(record: QualityRecord, setting: Setting) -> QualityRecord:
    """Say which setting a record is of."""
    return replace(record, **asdict(setting), among="settings")


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
        n_ctx=found.n_ctx,
    )


def _value(figure: Figure | None) -> float | None:
    return None if figure is None else figure.value
