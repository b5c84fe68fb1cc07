"""What settings cost, from a run, from what a search left, or from a profile."""

from pathlib import Path

from llamawatt.app.profiles.profile import PROFILE_FILE, Profile, read_profile
from llamawatt.battery.promise import Cost, Span, costs
from llamawatt.core.errors import UsageError
from llamawatt.report.content.source import source_at
from llamawatt.runs.store import STUDY_FILE

BARE = "The profile holds one figure without an interval: name the run of its search for one."


def costs_at(path: Path) -> tuple[Cost, ...]:
    """Return what the settings at a path cost.

    Raises:
        UsageError: nothing there has joules.
        SpecError: there is neither a run nor a profile.
        RunDirectoryError: the run is broken.
    """
    if path.is_dir() and (path / STUDY_FILE).is_file():
        found = costs(source_at(path).assessment)
        if not found:
            raise UsageError(
                f"No window of {path} has joules.", "`llamawatt doctor` says what would help."
            )
        return _decided(path, found)
    return (_of_profile(read_profile(path)),)


def _decided(path: Path, found: tuple[Cost, ...]) -> tuple[Cost, ...]:
    """Of a search, keep the windows that decided: those that chose flatter what they chose."""
    if not (path / PROFILE_FILE).is_file():
        return found
    late = tuple(cost for cost in found if cost.suite == "held-out")
    return late or found


def _of_profile(profile: Profile) -> Cost:
    figures = profile.figures
    if not {"energy_j", "latency_s"} <= set(figures):
        raise UsageError(
            "The profile holds no joules.", "Name a run, or tune again with a meter that works."
        )
    tokens = figures["energy_j"] / figures["j_per_token"] if "j_per_token" in figures else 0.0
    name = " ".join(f"{key}={value}" for key, value in profile.settings.items())
    seconds = figures["latency_s"] / max(1, profile.n_streams)
    return Cost(name, "profile", Span(figures["energy_j"]), 0.0, seconds, tokens, (BARE,))
