"""What a search writes down beside its trials: what was asked, and what came of it."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from llamawatt.core.errors import RunDirectoryError
from llamawatt.core.trials import FactorValue
from llamawatt.runs import schema
from llamawatt.runs.journal import write_whole

TUNE_FILE = "tune.json"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """What a search was asked for: enough to go on with it.

    Attributes:
        objective: What is made small.
        requirements: What must hold, as written.
        budget_s: Time that measuring may take.
        n_streams: Requests at once.
        models: Model references.
        suites: Suites, shapes or files.
        fixed: Settings that stay as they are.
        only: Knobs that may be turned; all when empty.
        values: Values of a knob in place of the usual ones.
        server: Path of the user's llama-server; empty for the one that comes along.
        price_per_kwh: Price of energy; None where it is not known.
        allow_system: Whether governors and power limits may be changed meanwhile.
    """

    objective: str
    requirements: tuple[str, ...] = ()
    budget_s: float = 1200.0
    n_streams: int = 1
    models: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    fixed: dict[str, FactorValue] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    values: dict[str, tuple[FactorValue, ...]] = field(default_factory=dict)
    server: str = ""
    price_per_kwh: float | None = None
    allow_system: bool = False


@dataclass(frozen=True, slots=True)
class KnobRecord:
    """A knob, its values and its default."""

    name: str
    values: tuple[FactorValue, ...]
    default: FactorValue


@dataclass(frozen=True, slots=True)
class EffectRecord:
    """Effect of a knob's value over its default, all else averaged: a ratio with its interval."""

    knob: str
    value: FactorValue
    ratio: float
    low: float
    high: float
    n_windows: int


@dataclass(frozen=True, slots=True)
class Tried:
    """One setting that was tried.

    Attributes:
        name: Its name in the run.
        setting: Knob → value.
        n_windows: Windows of it, in all stages.
        values: Median of each figure over them, by name.
        failure: Why the last window failed; empty where it did not.
        holds: Whether the requirements held in most windows.
    """

    name: str
    setting: dict[str, FactorValue]
    n_windows: int
    values: dict[str, float] = field(default_factory=dict)
    failure: str = ""
    holds: bool = True


@dataclass(frozen=True, slots=True)
class PayBack:
    """When the joules that the search took have come back.

    Attributes:
        spent_j: Joules of all windows, starts of servers included.
        saved_j_per_reply: What a reply saves, default less winner.
        n_replies: Replies after which they are back; None where nothing is saved.
    """

    spent_j: float
    saved_j_per_reply: float | None = None
    n_replies: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes:
        answer: `better`, `nothing better`, `nothing fits` or `interrupted`.
        winner: Knob → value of the setting to use; None where none fits.
        winner_name: Its name in the run.
        arm_spec: All that its server is started with, named as llama.cpp names it.
        model: Name of its model.
        ratio: Winner over default, of the objective; None without a confirmation.
        low: Lower end of its 95 % interval.
        high: Upper end.
        n_rounds: Pairs of windows it rests on.
        equals: Names of settings that could not be told from the winner.
        miss: For each requirement that nothing keeps, the nearest miss in words.
        tried: Every setting that was tried.
        effects: What each knob did.
        pay_back: Of the search's own joules; None where they were not measured.
        batching: Default at the asked streams over the default with one stream, of the objective:
            what batching does by itself; None with one stream.
        n_windows: Windows taken.
        spent_s: What they took.
        notes: What a reader must know, in sentences.
    """

    answer: str
    winner: dict[str, FactorValue] | None = None
    winner_name: str = ""
    arm_spec: dict[str, FactorValue] = field(default_factory=dict)
    model: str = ""
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    n_rounds: int = 0
    equals: tuple[str, ...] = ()
    miss: tuple[str, ...] = ()
    tried: tuple[Tried, ...] = ()
    effects: tuple[EffectRecord, ...] = ()
    pay_back: PayBack | None = None
    batching: float | None = None
    n_windows: int = 0
    spent_s: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TuneRecord:
    """`tune.json`.

    Attributes:
        schema: Version of this file.
        asked: What was asked for.
        knobs: What was varied.
        free_bytes: Memory that was free when the search began, by `cpu` and `gpu`.
        found: What came of it; None while it goes on.
    """

    schema: int
    asked: Asked
    knobs: tuple[KnobRecord, ...]
    free_bytes: dict[str, float]
    found: Found | None = None

    def with_found(self, found: Found) -> "TuneRecord":
        """Return the record with its outcome."""
        return replace(self, found=found)


def write_tune(folder: Path, record: TuneRecord) -> None:
    """Write the record, over what was there.

    Raises:
        RunDirectoryError: it cannot be written.
    """
    write_whole(folder / TUNE_FILE, schema.to_json(record))


def read_tune(folder: Path) -> TuneRecord:
    """Read the record of a search.

    Raises:
        RunDirectoryError: the folder holds none, or it is broken or newer.
    """
    path = folder / TUNE_FILE
    if not path.is_file():
        raise RunDirectoryError(
            f"{folder} holds no search: {TUNE_FILE} is missing.",
            "Name the run directory of a `llamawatt tune`.",
        )
    record = schema.read_record(path, TuneRecord)
    if record.schema > VERSION:
        raise RunDirectoryError(
            f"{path} is of version {record.schema}; this llamawatt reads up to {VERSION}.",
            "Use the llamawatt that wrote it, or a newer one.",
        )
    return record
