"""For llama-swap: a model of its configuration, whose command it starts on a port of its own."""

import shlex

import yaml

from llamawatt.targets.spec import REQUEST_SETTINGS, to_flags
from llamawatt.tune.handover.form import HandOver, Tuned, comment

ADDRESS = ["--host", "127.0.0.1", "--port", "1"]


def model(tuned: Tuned, program: str = "llama-server") -> HandOver:
    """Return the YAML of one model. llama-swap itself chooses the port."""
    flags = to_flags(tuned.spec.of_each_server(), tuned.path, "127.0.0.1", 1)
    at = next(i for i in range(len(flags)) if flags[i : i + 4] == ADDRESS)
    rest = flags[:at] + flags[at + 4 :]
    entry: dict[str, object] = {"cmd": f"{shlex.join([program, *rest])} --port ${{PORT}}"}
    if tuned.spec.env:
        entry["env"] = [f"{name}={value}" for name, value in tuned.spec.env]
    foreign = {*REQUEST_SETTINGS, "n_servers"}
    unmapped = tuple(f"{k}={v}" for k, v in tuned.settings.items() if k in foreign)
    body = yaml.safe_dump({"models": {tuned.name: entry}}, sort_keys=False, width=1000)
    return HandOver("llama-swap", "llama-swap.yaml", comment(unmapped) + body, unmapped)
