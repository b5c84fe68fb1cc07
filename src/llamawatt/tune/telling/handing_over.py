"""Writes what runs a tuned setting: a profile of our own, and files for other programs."""

from pathlib import Path

from llamawatt.app.assemble import now_text
from llamawatt.app.machine_record import key_here
from llamawatt.app.profiles.profile import (
    PROFILE_FILE,
    VERSION,
    Profile,
    ProfileModel,
    write_profile,
)
from llamawatt.runs.journal import write_whole
from llamawatt.tune.handover import llama_server, llama_swap, lm_studio, ollama
from llamawatt.tune.handover.form import HandOver
from llamawatt.tune.handover.form import Tuned as Setting
from llamawatt.tune.running import Tuned
from llamawatt.tune.setup.preparing import SUITES

FOLDER = "handover"


def hand_overs(setting: Setting, program: str = "llama-server") -> tuple[HandOver, ...]:
    """Return a setting in the words of every program that is known."""
    return (
        llama_server.command(setting, program),
        llama_server.preset(setting),
        ollama.modelfile(setting),
        lm_studio.load_config(setting),
        llama_swap.model(setting, program),
    )


def setting_of(tuned: Tuned) -> Setting | None:
    """Return the setting that a search names; None where it names none."""
    found = tuned.found
    if found.winner is None:
        return None
    source = tuned.ready.models[found.model]
    spec = profile_of(tuned).spec()
    return Setting(source.record.name, source.path.resolve(), spec, source.record.n_layers)


def hand_over(tuned: Tuned) -> tuple[Path, ...]:
    """Write the profile and a file for each program into the run directory.

    Returns:
        The files; none where the search names no setting.

    Raises:
        RunDirectoryError: one cannot be written.
    """
    setting = setting_of(tuned)
    if setting is None:
        return ()
    profile = tuned.path / PROFILE_FILE
    write_profile(profile, profile_of(tuned))
    folder = tuned.path / FOLDER
    folder.mkdir(exist_ok=True)
    for each in hand_overs(setting, tuned.record.asked.server or "llama-server"):
        write_whole(folder / each.file, each.text.encode())
    return profile, folder


def profile_of(tuned: Tuned) -> Profile:
    """Return the profile of the setting that a search names."""
    found, asked = tuned.found, tuned.record.asked
    source = tuned.ready.models[found.model]
    record = source.record
    default = tuned.ready.bench.spec(tuned.ready.space, tuned.ready.space.default())
    figures = next((each.values for each in found.tried if each.name == found.winner_name), {})
    machine = tuned.machine
    return Profile(
        schema=VERSION,
        model=ProfileModel(record.name, record.source, str(source.path.resolve()), record.sha256),
        settings=dict(found.arm_spec),
        objective=asked.objective,
        requirements=asked.requirements,
        n_streams=asked.n_streams,
        suites=asked.suites or SUITES,
        default=default.settings(),
        ratio=found.ratio,
        low=found.low,
        high=found.high,
        figures=dict(figures),
        machine_key=key_here(machine.gpus, machine.domains),
        machine=", ".join([machine.cpu, *(gpu.name for gpu in machine.gpus)]),
        server=asked.server,
        made_at=now_text(),
        run=str(tuned.path),
    )
