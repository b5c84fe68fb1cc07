"""What a run set out to do, as resolved on this machine and written to `study.yaml`."""

from dataclasses import dataclass, field

from llamawatt.core.trials import FactorValue

BASELINE = "baseline"
"""Group of the arms as they come, one a device."""
QUANTIZATION, CACHE = "quantization", "cache"
"""Groups of arms whose quality is judged: of models, and of cache types and flash attention."""


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A model file, by content.

    Attributes:
        name: Short name, unique in the study.
        file: File name without its folder.
        sha256: Of the whole file; of a split model, of its parts' hashes one after the other.
        size_bytes: Of the whole file, or of all parts.
        architecture: GGUF `general.architecture`.
        quantization: Label of the dominant tensor type, as `Q4_0`.
        n_layers: Transformer blocks.
        n_params: Parameters, embedding included.
        bits_per_weight: Tensor bits over parameters.
        bytes_per_token: Weight bytes streamed to decode one token (embedding rows apart).
        kv_bytes_per_token: KV-cache bytes per token of context at f16, within sliding windows.
        kv_bytes_per_token_beyond: The same beyond them, where some layers have one.
        n_kv_window: Tokens in such a window; None where no layer has one.
        synthetic: Whether the weights are random.
        source: Where it came from.
        warnings: What it promises and does not hold, and who alone runs it, in words.
    """

    name: str
    file: str
    sha256: str
    size_bytes: int
    architecture: str = ""
    quantization: str = ""
    n_layers: int | None = None
    n_params: int | None = None
    bits_per_weight: float | None = None
    bytes_per_token: float | None = None
    kv_bytes_per_token: float | None = None
    kv_bytes_per_token_beyond: float | None = None
    n_kv_window: int | None = None
    synthetic: bool = False
    source: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ArmRecord:
    """One combination under comparison.

    Attributes:
        name: Unique in the study, as `cpu`, `gpu`, `threads=4`.
        group: Which comparison it belongs to: `baseline`, `threads`, `layers`, `batch`,
            `concurrency`, `quantization` or the study's own word. An arm used by several
            comparisons lists its further groups in `also_in`.
        device: `cpu`, `gpu` or `hybrid`.
        model: Name of its model.
        factors: The settings that vary in the study.
        spec: All settings, named as llama.cpp names them.
        also_in: Further groups it belongs to.
        skipped: Why this machine cannot run it; empty when it can.
        suites: Its own suites; empty when it runs all that the study lists.
    """

    name: str
    group: str
    device: str
    model: str
    factors: dict[str, FactorValue] = field(default_factory=dict)
    spec: dict[str, FactorValue] = field(default_factory=dict)
    also_in: tuple[str, ...] = ()
    skipped: str = ""
    suites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SuiteRecord:
    """A suite as it was run: its prompts by hash, so that unlike runs are never merged.

    Attributes:
        name: Name of the suite or shape, or the user's file as it was named.
        sha256: Of its prompts and lengths.
        n_prompts: Prompts in it.
        n_predict: Tokens asked for per reply.
    """

    name: str
    sha256: str
    n_prompts: int
    n_predict: int


@dataclass(frozen=True, slots=True)
class ProtocolRecord:
    """How trials were taken: every field of the protocol that was asked for.

    From `n_warm_up` on, None also stands for what an older run did not note.

    Attributes:
        window_min_s: Shortest measured window asked for.
        periods_min: Fewest sensor update periods in a window.
        idle_s: Length of the idle windows.
        repeats_min: Fewest repeats per arm and suite.
        repeats_max: Most repeats per arm and suite.
        half_width_target: Relative half-width of the 95 % interval at which repeats stop.
        primary_metric: Metric that the stopping rule watches.
        cool_down_s: Pause between arms.
        fixed_length: Whether every reply has its full length (`ignore_eos`).
        budget_s: Time budget; None when there is none.
        phases: Whether dedicated prefill-only and decode-only windows are taken.
        n_warm_up: Requests before a session's first window, not counted.
        n_prompts: Prompts per pass, taken in turn from the suite; None for all of them.
        cool_below_c: Devices were to be this cool before an arm's turn; None when not asked for.
        cool_max_s: Longest wait for that.
        n_phase_prompt: Prompt tokens of a prefill window's requests.
        n_phase_generate: Tokens of a decode window's requests.
        runtime_idle: Whether idle was also measured with the runtime up and the model unloaded.
        n_retries: How often a failed trial was tried again.
        n_again: How often a disturbed window was measured again, while the budget lasted.
        settle_max_s: Longest wait for idle power to settle before an arm's turn.
    """

    window_min_s: float
    periods_min: int
    idle_s: float
    repeats_min: int
    repeats_max: int
    half_width_target: float
    primary_metric: str
    cool_down_s: float
    fixed_length: bool
    budget_s: float | None = None
    phases: bool = False
    n_warm_up: int | None = None
    n_prompts: int | None = None
    cool_below_c: float | None = None
    cool_max_s: float | None = None
    n_phase_prompt: int | None = None
    n_phase_generate: int | None = None
    runtime_idle: bool | None = None
    n_retries: int | None = None
    n_again: int | None = None
    settle_max_s: float | None = None


@dataclass(frozen=True, slots=True)
class StudyRecord:
    """A study as resolved: everything needed to repeat it on this machine.

    Attributes:
        schema: Version of this record.
        name: Name of the study.
        seed: Seed of every random choice.
        models: The models.
        arms: Every arm asked for, the skipped ones included.
        suites: The suites.
        protocol: The protocol.
        boundary: Names of the domains that are summed for every arm.
        target: Which kind of target served: `embedded`, `binary` or `attach`.
        command: The command line that made the run.
        created_at: UTC, ISO 8601.
    """

    schema: int
    name: str
    seed: int
    models: tuple[ModelRecord, ...]
    arms: tuple[ArmRecord, ...]
    suites: tuple[SuiteRecord, ...]
    protocol: ProtocolRecord
    boundary: tuple[str, ...] = ()
    target: str = "embedded"
    command: str = ""
    created_at: str = ""


@dataclass(frozen=True, slots=True)
class RunEvent:
    """Something worth knowing that is no trial: a stop, a retry, a warning.

    Attributes:
        kind: `stopped`, `retry`, `warning`, `resumed`, `interrupted`, `budget`, `done`, `clipped`,
            `skipped`.
        text: One sentence.
        arm: The arm concerned; empty when none.
        suite: The suite concerned; empty when none.
        at: UTC, ISO 8601.
    """

    kind: str
    text: str
    arm: str = ""
    suite: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class QualityRecord:
    """How well one of the study's models predicts a text, beside its reference.

    Every figure is None where there is none: an interval of one chunk, a divergence without a
    reference, everything where the model was not judged. Intervals are of 95 %.

    Attributes:
        model: Name of the model.
        perplexity: exp of the mean negative log-likelihood per token.
        perplexity_low: Lower end of its interval.
        perplexity_high: Upper end of its interval.
        bits_per_byte: Negative log-likelihood in bits per byte of text.
        kld: Mean divergence from the reference, nats per token.
        kld_low: Lower end of its interval.
        kld_high: Upper end of its interval.
        kld_p99: 99th percentile of the divergence over tokens, nats.
        same_top: Share of tokens for which both find the same one most likely.
        reference: Name of the reference; empty without one.
        text: Name of the text.
        n_tokens: Tokens scored.
        backend: Which program judged, and its version.
        not_judged: Why it was not judged; empty when it was.
        cache_type_k: Type of the key cache it was judged with.
        cache_type_v: Type of the value cache.
        flash_attn: Flash attention: `auto`, `on` or `off`.
        n_ctx: Tokens of a window of text, of which the second half is scored; None where it was
            not noted.
        among: What is told apart: `models` against the one with most bits, or `settings` of one
            model against its own f16 cache.
    """

    model: str
    perplexity: float | None = None
    perplexity_low: float | None = None
    perplexity_high: float | None = None
    bits_per_byte: float | None = None
    kld: float | None = None
    kld_low: float | None = None
    kld_high: float | None = None
    kld_p99: float | None = None
    same_top: float | None = None
    reference: str = ""
    text: str = ""
    n_tokens: int = 0
    backend: str = ""
    not_judged: str = ""
    cache_type_k: str = "f16"
    cache_type_v: str = "f16"
    flash_attn: str = "auto"
    n_ctx: int | None = None
    among: str = "models"


def judged_name(record: QualityRecord) -> str:
    """Return what was judged, in words: the model, with its setting where settings are compared."""
    if record.among == "models":
        return record.model
    setting = setting_text(record.cache_type_k, record.cache_type_v, record.flash_attn)
    return f"{record.model} at {setting}"


def setting_text(cache_type_k: str, cache_type_v: str, flash_attn: str) -> str:
    """Return cache types and flash attention in words, as `q8_0 cache with flash attention`."""
    types = cache_type_k if cache_type_k == cache_type_v else f"{cache_type_k}/{cache_type_v}"
    flash = {"on": " with flash attention", "off": " without flash attention"}
    return f"{types} cache{flash.get(flash_attn, '')}"
