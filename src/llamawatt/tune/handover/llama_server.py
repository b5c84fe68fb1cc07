"""For llama.cpp's own server: its command, and a section of its `--models-preset` file."""

import shlex

from llamawatt.targets.spec import FLAGS, NEGATIONS, REQUEST_SETTINGS, to_flags
from llamawatt.tune.handover.form import HandOver, Tuned, comment, left_over

HOST, PORT = "127.0.0.1", 8080


def command(tuned: Tuned, program: str = "llama-server") -> HandOver:
    """Return the command, with its environment; of several servers, one line each."""
    n_servers = tuned.spec.n_servers or 1
    each = tuned.spec.of_each_server()
    env = " ".join(f"{name}={shlex.quote(value)}" for name, value in tuned.spec.env)
    lines = []
    for number in range(n_servers):
        flags = to_flags(each, tuned.path, HOST, PORT + number)
        line = f"{env} {shlex.join([program, *flags])}".strip()
        lines.append(line if number == n_servers - 1 else f"{line} &")
    unmapped = tuple(
        f"{name}={value}" for name, value in tuned.settings.items() if name in REQUEST_SETTINGS
    )
    advice = "A request carries these: " + ", ".join(unmapped) + "." if unmapped else ""
    if n_servers > 1:
        advice += f" Share the load evenly over ports {PORT} to {PORT + n_servers - 1}."
    body = "\n".join(lines) + "\n"
    text = "#!/bin/sh\n" + comment(unmapped) + body
    return HandOver("llama-server", "llama-server.sh", text, unmapped, advice.strip())


def preset(tuned: Tuned) -> HandOver:
    """Return a section for the INI file of llama-server's `--models-preset`.

    Its keys are the server's long flags without their dashes.
    """
    each = tuned.spec.of_each_server()
    lines = [f"model = {tuned.path}"]
    for name, flag in FLAGS.items():
        value = getattr(each, name)
        if value is None:
            continue
        key = flag.removeprefix("--")
        if name in NEGATIONS:
            off = NEGATIONS[name]
            key = key if value else (off[0].removeprefix("--") if off else "")
            lines += [f"{key} = true"] if key else []
        else:
            lines.append(f"{key} = {value}")
    unmapped = left_over(tuned, FLAGS)
    text = comment(unmapped, ";") + f"version = 1\n\n[{tuned.name}]\n" + "\n".join(lines) + "\n"
    advice = ""
    if tuned.spec.env:
        env = " ".join(f"{name}={shlex.quote(value)}" for name, value in tuned.spec.env)
        advice = f"Start the router itself with {env}."
    return HandOver("llama-server --models-preset", "models-preset.ini", text, unmapped, advice)
