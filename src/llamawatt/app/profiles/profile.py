"""A profile: a tuned setting in a file, to run, to check later, to hand to a gateway."""

from dataclasses import dataclass, field
from pathlib import Path

from llamawatt.core.errors import RunDirectoryError, SpecError
from llamawatt.core.trials import FactorValue
from llamawatt.models.cache import known_sha256
from llamawatt.models.fetch.catalog import resolve_model
from llamawatt.runs import schema
from llamawatt.runs.journal import write_whole
from llamawatt.targets.spec import TargetSpec, make_spec

PROFILE_FILE = "profile.json"
VERSION = 1


@dataclass(frozen=True, slots=True)
class ProfileModel:
    """The model of a profile: by content, and where it was."""

    name: str
    source: str
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A tuned setting.

    Attributes:
        schema: Version of this file.
        model: Its model.
        settings: All that its server is started with, named as llama.cpp names it.
        objective: What it was tuned for.
        requirements: What it keeps.
        n_streams: Requests at once that it was tuned for.
        suites: Suites, shapes or files that it was tuned on.
        default: Settings of the default that it was held against.
        ratio: Its objective over the default's; None where it was not confirmed.
        low: Lower end of the 95 % interval of that.
        high: Upper end.
        figures: Its own figures, by metric, medians of the deciding windows.
        machine_key: Which machine it was tuned on.
        machine: That machine, for people.
        server: Path of the user's llama-server; empty for the one that comes along.
        made_at: UTC, ISO 8601.
        run: Folder of the search; empty where it is not kept.
    """

    schema: int
    model: ProfileModel
    settings: dict[str, FactorValue]
    objective: str
    requirements: tuple[str, ...] = ()
    n_streams: int = 1
    suites: tuple[str, ...] = ()
    default: dict[str, FactorValue] = field(default_factory=dict)
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    figures: dict[str, float] = field(default_factory=dict)
    machine_key: str = ""
    machine: str = ""
    server: str = ""
    made_at: str = ""
    run: str = ""

    def spec(self) -> TargetSpec:
        """Return its settings, checked.

        Raises:
            SpecError: one does not hold.
        """
        return make_spec(self.settings)

    def model_path(self) -> Path:
        """Return its model's file, where it was or wherever its source leads.

        Raises:
            ModelError: it cannot be had.
            SpecError: the file that is there has another content.
        """
        path = Path(self.model.path)
        if not path.is_file():
            path = resolve_model(self.model.source).path
        if self.model.sha256 and known_sha256(path) != self.model.sha256:
            raise SpecError(
                f"{path} is not the model of the profile: its content differs.",
                "Tune again for this file: `llamawatt tune`.",
            )
        return path


def write_profile(path: Path, profile: Profile) -> None:
    """Write a profile, over what was there.

    Raises:
        RunDirectoryError: it cannot be written.
    """
    write_whole(path, schema.to_json(profile))


def read_profile(path: Path) -> Profile:
    """Read a profile: a file, or the run directory of a search that holds one.

    Raises:
        SpecError: there is none, or it is broken or newer.
    """
    file = path / PROFILE_FILE if path.is_dir() else path
    if not file.is_file():
        raise SpecError(
            f"There is no profile at {path}.",
            "Name a profile.json, or the run directory of a `llamawatt tune` that found a setting.",
        )
    try:
        profile = schema.read_record(file, Profile)
    except RunDirectoryError as error:
        raise SpecError(error.what, "Write it anew: `llamawatt tune`.") from error
    if profile.schema > VERSION:
        raise SpecError(
            f"{file} is of version {profile.schema}; this llamawatt reads up to {VERSION}.",
            "Use the llamawatt that wrote it, or a newer one.",
        )
    profile.spec()
    return profile
