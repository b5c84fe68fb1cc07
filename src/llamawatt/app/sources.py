"""Finds what a study needs: its models and its suites, those of a repeated run included."""

from collections.abc import Callable, Mapping
from pathlib import Path

from llamawatt.app.serving import Serving
from llamawatt.core.errors import ModelError, SpecError, UsageError
from llamawatt.core.plan import ModelRecord, SuiteRecord
from llamawatt.models.fetch.catalog import resolve_model
from llamawatt.models.gguf.inspect import ModelFacts, inspect_model, require_generating, to_record
from llamawatt.study.plan import ModelSource, SuiteSource, needed_suites
from llamawatt.study.recorded import RecordedStudy
from llamawatt.study.spec import StudySpec
from llamawatt.targets.base import Endpoint
from llamawatt.targets.dialects import Ask
from llamawatt.workloads.suite import load_suite

DEFAULT_MODEL = "smollm2-135m"
ATTACHED_SHA256 = ""
"""The model behind somebody else's server cannot be hashed."""
Progress = Callable[[str, int, int | None], None]


def find_study_models(
    spec: StudySpec,
    references: tuple[str, ...],
    serving: Serving,
    progress: Progress | None = None,
    *,
    only_look: bool = False,
) -> dict[str, ModelSource]:
    """Find the models of a study: those that are named, else its own.

    Args:
        spec: The study.
        references: Model references, in place of the study's own.
        serving: What serves.
        progress: Hears what is fetched.
        only_look: Whether nothing shall run: then what a run noted of its models is enough.

    Returns:
        By name; for the study of a run, by the name that the run had for it.

    Raises:
        ModelError: one is missing, broken, cannot be had, or is not the one that a run had.
        SpecError: two have the same name, or not as many are named as the run had.
        TargetError: a running server was named and does not answer.
        UsageError: the options exclude each other.
    """
    serving.require_consistent(references)
    if not isinstance(spec, RecordedStudy):
        return find_models(references or spec.models, serving, progress)
    if references or serving.url:
        return _in_place_of(spec, find_models(references, serving, progress))
    if only_look:
        return {each.name: ModelSource(each, Path(each.file)) for each in spec.record.models}
    if spec.is_attached:
        raise SpecError(f"The run {spec.name!r} asked a running server.", "Name one with --url.")
    found = find_models(spec.models, serving, progress)
    for before, now in zip(spec.record.models, found.values(), strict=True):
        _require_same_file(before, now.record)
    return _in_place_of(spec, found)


def attached_record(endpoint: Endpoint, source: str) -> ModelRecord:
    """Return what a running server tells of its model."""
    served = endpoint.served
    return ModelRecord(
        served.name or endpoint.model or "attached",
        served.file,
        ATTACHED_SHA256,
        served.size_bytes or 0,
        architecture=served.architecture,
        quantization=served.quantization,
        n_params=served.n_params,
        source=source,
    )


def find_models(
    references: tuple[str, ...], serving: Serving, progress: Progress | None = None
) -> dict[str, ModelSource]:
    """Find, fetch and inspect models; the default one when none is named.

    Raises:
        ModelError: one is missing, broken or cannot be had.
        SpecError: two have the same name.
        TargetError: a running server was named and does not answer.
    """
    if serving.url:
        endpoint = serving.running().start()
        record = attached_record(endpoint, serving.address)
        return {record.name: ModelSource(record, Path())}
    found: dict[str, ModelSource] = {}
    for reference in references or (DEFAULT_MODEL,):
        file = resolve_model(reference, progress=progress)
        facts = inspect_model(file.path)
        _require_runnable(file.path, facts, serving)
        record = to_record(file, facts)
        if record.name in found:
            raise SpecError(f"Two models are named {record.name!r}.", "Rename one of the files.")
        found[record.name] = ModelSource(record, file.path, facts.n_ctx_train)
    return found


def _require_runnable(path: Path, facts: ModelFacts, serving: Serving) -> None:
    require_generating(path, facts)
    if facts.needs_own_server and serving.kind == "embedded":
        raise ModelError(
            f"The llama.cpp that comes with llamawatt cannot run {path}: {facts.warnings[-1]}"
        )


def _in_place_of(spec: RecordedStudy, found: Mapping[str, ModelSource]) -> dict[str, ModelSource]:
    """Put models where those of a run were: the same file first, else in the order named.

    Raises:
        SpecError: there are not as many.
    """
    recorded, left = spec.record.models, list(found.values())
    if len(recorded) != len(left):
        names = ", ".join(model.name for model in recorded)
        raise SpecError(
            f"The run {spec.name!r} has {len(recorded)} models ({names}), but {len(left)} are "
            "named.",
            "Name as many with --model, in that order.",
        )
    placed: dict[str, ModelSource] = {}
    for model in recorded:
        same = next((each for each in left if _is_same_file(model, each.record)), None)
        if same is not None:
            placed[model.name] = same
            left.remove(same)
    return {each.name: placed.get(each.name) or left.pop(0) for each in recorded}


def _is_same_file(before: ModelRecord, now: ModelRecord) -> bool:
    return bool(before.sha256) and before.sha256 == now.sha256


def _require_same_file(before: ModelRecord, now: ModelRecord) -> None:
    if before.sha256 and not _is_same_file(before, now):
        raise ModelError(
            f"{before.source or before.file} is not the model that the run had: its content "
            f"differs (SHA-256 {now.sha256[:12]}…, not {before.sha256[:12]}…).",
            "Name the model to run with by --model.",
        )


def find_suites(
    spec: StudySpec, *, only_look: bool = False
) -> tuple[dict[str, SuiteSource], tuple[str, ...]]:
    """Load every suite and shape of a study.

    Args:
        spec: The study.
        only_look: Whether nothing shall run: then what a run noted of a suite is enough.

    Returns:
        The suites by name, and in words which differ from those of the run that is repeated.

    Raises:
        UsageError: one is unknown or broken.
    """
    recorded = (
        {suite.name: suite for suite in spec.record.suites}
        if isinstance(spec, RecordedStudy)
        else {}
    )
    found, notes = {}, []
    for name in needed_suites(spec):
        before = recorded.get(name)
        try:
            found[name] = _suite(name)
        except UsageError:
            if before is None or not only_look:
                raise
            found[name] = SuiteSource(before, ())
            notes.append(f"The suite {name} is not here; a run needs it.")
            continue
        if before is not None and before.sha256 != found[name].record.sha256:
            notes.append(f"The prompts of {name} are not those that the run had.")
    return found, tuple(notes)


def _suite(reference: str) -> SuiteSource:
    suite = load_suite(reference)
    asks = tuple(Ask(p.id, p.content, p.n_predict) for p in suite.prompts)
    return SuiteSource(SuiteRecord(reference, suite.sha256, len(asks), suite.n_predict), asks)
