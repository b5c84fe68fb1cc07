"""The trial record: one measured window of one arm, as it is written to `trials.jsonl`."""

from dataclasses import dataclass, field
from enum import StrEnum

from llamawatt.core.flags import Flag
from llamawatt.core.readings import Method

SCHEMA = 1
"""Version of the trial line. A reader refuses lines of a newer one."""

FactorValue = str | int | float | bool | None
"""Values a factor or a piece of evidence may take."""

IDLE_LEVELS = ("bare", "runtime", "model")
"""Nothing running, the runtime without a model, the model resident."""


class Status(StrEnum):
    """How a trial ended."""

    OK = "ok"
    FAILED = "failed"


class Purpose(StrEnum):
    """What a trial's window was for."""

    SUITE = "suite"
    PREFILL = "prefill"
    DECODE = "decode"


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of monotonic time, from the first to the last byte of the work.

    Attributes:
        t0_s: Its start.
        t1_s: Its end.
        duration_s: Its length.
    """

    t0_s: float
    t1_s: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request and its answer.

    Attributes:
        prompt_id: Which prompt of the suite.
        n_prompt: Prompt tokens evaluated, as counted by the server.
        n_generated: Tokens generated, as counted by the server.
        latency_s: First byte sent to last byte received.
        ttft_s: First byte sent to first token received; None when nothing was streamed.
        prefill_s: Time on the prompt; None when neither side could tell.
        decode_s: Time on generation; None when neither side could tell.
        t0_s: Monotonic time of the first byte sent.
        timed_by: For each of the times above, `server` or `client`.
        n_cached: Prompt tokens that came from a cache and were not evaluated; None where the
            server does not tell.
        finish: Why generation stopped, as `length` or `stop`.
        mode: How the answer came: `streamed` or `whole`; empty in runs that did not note it.
        n_first: Tokens that came together with the first; `decode_s` is the time of the others.
        load_s: Time in which the server loaded its model for this reply; None where it does not
            say.
        draft_n: Tokens that a draft model proposed; None where the server does not say.
        draft_n_accepted: Those of them that were taken.
        without: Optional settings that the server refused, so that it was asked without them.
        flags: Doubts about this reply.
    """

    prompt_id: str
    n_prompt: int
    n_generated: int
    latency_s: float
    ttft_s: float | None
    prefill_s: float | None
    decode_s: float | None
    t0_s: float
    timed_by: dict[str, str] = field(default_factory=dict)
    n_cached: int | None = 0
    finish: str = ""
    mode: str = ""
    n_first: int = 1
    load_s: float | None = None
    draft_n: int | None = None
    draft_n_accepted: int | None = None
    without: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True)
class DomainEnergy:
    """Energy of one domain in one window, as recorded.

    Attributes:
        energy_j: Gross joules.
        uncertainty_j: 95 % half-width of the random error.
        systematic_j: 95 % bound of the gain error.
        method: How it was got.
        mean_power_w: Gross joules over the window's length.
        above_idle_j: Gross less model-resident idle power times the window; None without idle.
            May be negative: it is a difference, and is never clipped.
        above_idle_uncertainty_j: 95 % half-width of that difference.
        source: The interface it came from.
        in_total: Whether it is summed into the machine's energy.
        flags: Doubts about it.
    """

    energy_j: float
    uncertainty_j: float
    systematic_j: float
    method: Method
    mean_power_w: float
    above_idle_j: float | None = None
    above_idle_uncertainty_j: float | None = None
    source: str = ""
    in_total: bool = True
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True)
class IdlePower:
    """Mean power of one domain over one idle window.

    Attributes:
        power_w: Mean watts.
        uncertainty_w: 95 % half-width of the random error.
        duration_s: Length of the window.
        method: How it was got.
    """

    power_w: float
    uncertainty_w: float
    duration_s: float
    method: Method


@dataclass(frozen=True, slots=True)
class LoadRecord:
    """Starting a target until it is healthy: the `load` phase.

    Attributes:
        duration_s: From the start of its process to its first healthy answer.
        energy: By domain name.
    """

    duration_s: float
    energy: dict[str, DomainEnergy] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One line of `trials.jsonl`.

    Attributes:
        schema: Version of this line.
        trial_id: Unique in the run, and the same for the same seed: block, arm, suite, purpose.
        arm: Name of the arm.
        factors: The factors that make the arm, named as llama.cpp names them.
        suite: Name of the suite or shape.
        repetition: Which repeat of this arm and suite, from 0.
        block: Which randomised block, from 0.
        order: Place in the order of execution, from 0.
        purpose: What the window was for.
        status: How it ended.
        flags: Doubts about the trial as a whole.
        error: What went wrong, when `status` is failed.
        window: The measured window.
        requests: The requests in it.
        energy: By domain name.
        idle: By idle level (`bare`, `runtime`, `model`), then by domain name.
        load: The load of the target that served it; None when it was attached.
        metrics: What it comes to, by name, for readers of the file; None when failed. llamawatt
            works them out anew from the rest of the line whenever it reads a run.
        evidence: Clocks, temperatures, P-states, throttle reasons, other load, before and after.
        started_at: UTC wall-clock start, ISO 8601, for people; never used in arithmetic.
        session: Which start of a server it was taken in, from 0 over the whole run: trials of one
            session share its load and bare idle. None where it was not noted.
        client_mode: How answers were asked for and came: `streamed`, `whole` or `mixed`; empty in
            runs that did not note it. A streamed token costs the host time, so modes differ.
    """

    schema: int
    trial_id: str
    arm: str
    factors: dict[str, FactorValue]
    suite: str
    repetition: int
    block: int
    order: int
    purpose: Purpose
    status: Status
    window: Window
    requests: tuple[RequestRecord, ...] = ()
    energy: dict[str, DomainEnergy] = field(default_factory=dict)
    idle: dict[str, dict[str, IdlePower]] = field(default_factory=dict)
    load: LoadRecord | None = None
    metrics: dict[str, float | None] | None = None
    flags: tuple[Flag, ...] = ()
    evidence: dict[str, FactorValue] = field(default_factory=dict)
    error: str = ""
    started_at: str = ""
    session: int | None = None
    client_mode: str = ""
