"""Where the spread between repeated runs is kept: one file for each machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from llamawatt.analysis.compare.between import Spread
from llamawatt.core.errors import RunDirectoryError
from llamawatt.core.plan import StudyRecord
from llamawatt.host.atomic_file import whole_file
from llamawatt.host.config_folder import config_folder

FOLDER = "between-runs"


@dataclass(frozen=True, slots=True)
class KeptSpread:
    """The spread of one figure between runs.

    Attributes:
        metric: Key of `METRICS`.
        arm: Name of the arm.
        suite: Name of the suite.
        work: What it did: model and suite by content, and whether replies have a fixed length.
        spread: How far the means of the runs lie apart.
    """

    metric: str
    arm: str
    suite: str
    work: str
    spread: Spread


_KEPT = TypeAdapter(tuple[KeptSpread, ...])


def spread_path(machine_key: str) -> Path:
    """Return the file of a machine."""
    return config_folder() / FOLDER / f"{machine_key}.json"


def keep_spreads(
    path: Path, study: StudyRecord, spreads: Mapping[tuple[str, str, str], Spread]
) -> None:
    """Add spreads to those that are kept; newer ones take the place of older ones.

    Raises:
        RunDirectoryError: the file cannot be read or written.
    """
    kept = {(k.metric, k.arm, k.suite, k.work): k for k in _read(path)}
    for (metric, arm, suite), spread in spreads.items():
        work = _work(study, arm, suite)
        kept[metric, arm, suite, work] = KeptSpread(metric, arm, suite, work, spread)

    def failed(why: str) -> RunDirectoryError:
        return RunDirectoryError(
            f"The spread between runs could not be kept in {path} ({why}).",
            "Name another folder in LLAMAWATT_CONFIG.",
        )

    with whole_file(path, failed) as part:
        part.write_bytes(_KEPT.dump_json(tuple(kept.values()), indent=1) + b"\n")


def kept_spreads(path: Path, study: StudyRecord) -> dict[tuple[str, str, str], Spread]:
    """Return the spreads that were kept of the same work, by metric, arm and suite.

    Raises:
        RunDirectoryError: the file cannot be read.
    """
    return {
        (kept.metric, kept.arm, kept.suite): kept.spread
        for kept in _read(path)
        if kept.work == _work(study, kept.arm, kept.suite)
    }


def _read(path: Path) -> tuple[KeptSpread, ...]:
    try:
        return _KEPT.validate_json(path.read_bytes())
    except FileNotFoundError:
        return ()
    except (OSError, ValidationError) as error:
        why = error.strerror or str(error) if isinstance(error, OSError) else "no list of spreads"
        raise RunDirectoryError(
            f"{path} cannot be read ({why}).", "Remove it; repeated runs make it again."
        ) from error


def _work(study: StudyRecord, arm: str, suite: str) -> str:
    """Name the work of an arm on a suite by content; settings may change, and are compared."""
    model = next((each.model for each in study.arms if each.name == arm), "")
    models = (each.sha256 or each.name for each in study.models if each.name == model)
    suites = (each.sha256 for each in study.suites if each.name == suite)
    length = "fixed" if study.protocol.fixed_length else "natural"
    return f"{next(models, '')[:16]} {next(suites, '')[:16]} {length}"
