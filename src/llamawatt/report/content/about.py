"""What a report says about its run besides the numbers: facts, settings, method."""

from llamawatt.core.format import duration_text, plus_minus_text
from llamawatt.core.plan import ProtocolRecord
from llamawatt.report.model import ReportModel
from llamawatt.report.words.phrases import counted_text, joined, methods_text

METHOD = (
    "Energy is taken between the first and the last byte of the work, over the same domains for "
    "every arm: a CPU arm pays for the GPU that idles beside it. Arms run in randomised blocks. "
    "Model load, warm-up and idle windows are their own, and never part of a reply.",
    "Figures are geometric means over repeats, with Student's t on their logarithms as the 95 % "
    "interval (differences, as energy above idle: arithmetic means). It is the repeatability "
    "within this run; another run has a spread of its own on top. Random sensor error widens an "
    "interval where it exceeds the scatter of the repeats. A sensor's gain error does not shrink "
    "by repeating: it is kept apart and shown as the thin bar.",
    "Ratios pair the arms block by block. A gain error cancels in a ratio as far as both arms lean "
    "on the same sensor, and adds where they do not; a model's error does not cancel between arms. "
    "A verdict needs an interval that leaves out one, a p-value below 0.05 after Holm's correction "
    "over all pairs of the group in every figure, and gain errors too small to undo it.",
    "Above bare idle is the energy less what the machine draws with nothing running, one power for "
    "all arms, so that each pays for what it keeps resident. Above resident idle is the energy "
    "less the arm's own idle power with its model resident, and is compared within one arm alone. "
    "Both are differences, may be negative, and are never clipped. Outliers are marked and kept.",
)
"""How the figures were made."""


def title(model: ReportModel) -> str:
    """Return the report's title."""
    names = joined(m.name for m in model.study.models) or "a served model"
    return f"What {names} costs here: seconds and joules"


def source_line(model: ReportModel) -> str:
    """Return the foot of every figure: model, machine and the day on which it was measured."""
    models = joined(
        f"{m.name} {m.quantization}" if m.quantization and m.quantization not in m.name else m.name
        for m in model.study.models
    )
    machine = " + ".join(dict.fromkeys([*(gpu.name for gpu in model.machine.gpus),
                                        model.machine.cpu]))  # fmt: skip
    date = model.study.created_at[:10]
    parts = [models or "a served model", machine, date, f"run {model.run}", "llamawatt"]
    return " · ".join(part for part in parts if part)


def facts(model: ReportModel) -> tuple[tuple[str, str], ...]:
    """Return the few facts a reader needs first."""
    machine = model.machine
    methods = sorted({method for row in model.suite_rows() for method in row.methods})
    files = joined(f"{m.file or m.name} ({m.quantization})" if m.quantization else m.file or m.name
                   for m in model.study.models)  # fmt: skip
    failed = f", {len(model.failures)} failed" if model.failures else ""
    return (
        ("Machine", joined([machine.cpu, *(gpu.name for gpu in machine.gpus)])),
        ("Model", files or "not known"),
        ("Energy", methods_text(methods) if methods else "not measured"),
        ("Summed", joined(model.study.boundary) or "nothing"),
        ("Trials", f"{model.n_trials}{failed}"),
    )


def settings(model: ReportModel) -> tuple[tuple[str, str], ...]:
    """Return how the run was made, in detail."""
    study, machine, protocol = model.study, model.machine, model.study.protocol
    repeats = f"{protocol.repeats_min} to {protocol.repeats_max}"
    stop = (
        f"until {protocol.primary_metric} is within {plus_minus_text(protocol.half_width_target)}"
    )
    length = "fixed length" if protocol.fixed_length else "natural stop"
    models = joined(f"{m.name}: sha256 {m.sha256[:16]}…, {m.source or 'source not recorded'}"
                    for m in study.models)  # fmt: skip
    found = [
        ("Command", study.command or "not recorded"),
        ("Started", study.created_at or "not recorded"),
        ("Study", f"{study.name}, seed {study.seed}, target {study.target}"),
        ("Models", models),
        ("Suites", joined(f"{s.name} ({s.n_prompts} prompts, {s.n_predict} tokens, {s.sha256[:8]})"
                          for s in study.suites)),
        ("Repeats", f"{repeats}, {stop}"),
        ("Windows", f"at least {duration_text(protocol.window_min_s)} and {protocol.periods_min} "
                    f"sensor periods; replies of {length}{_requests_text(protocol)}"),
        ("Cores", f"{machine.n_cores} usable, governor {machine.governor or 'unknown'}"),
        ("System", machine.os),
        ("Versions", joined(f"{name} {version}" for name, version in machine.versions.items())),
    ]  # fmt: skip
    if any(m.synthetic for m in study.models):
        found.append(("Weights", "random: speed and energy only, the text means nothing"))
    found += [("Note", f"{m.name}: {told}") for m in study.models for told in m.warnings]
    found += [("Left out", warning) for warning in model.warnings]
    return tuple((name, value) for name, value in found if value)


def _requests_text(protocol: ProtocolRecord) -> str:
    """Say what was sent before and in each pass; runs of older versions did not note it."""
    if protocol.n_warm_up is None:
        return ""
    most = protocol.n_prompts
    each = "every prompt" if most is None else f"{counted_text(most, 'prompt')} at most"
    return f"; {counted_text(protocol.n_warm_up, 'request')} to warm up, then {each} in each pass"
