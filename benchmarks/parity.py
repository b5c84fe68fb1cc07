"""How fast llama.cpp is through our target and client, over llama-bench of the same build.

    python benchmarks/parity.py --llama-dir DIR [--model REF] [--rounds N] [--device cpu|gpu]

Each round runs llama-bench (pp512, tg128), twice the same shapes through llama-server of the same
folder, and llama-bench again, or the other way around, never both at once: whoever works second on
a warm machine is slower, and a round of such symmetry cancels it. Of each turn the fastest repeat
counts. The median ratio of the rounds is printed with its interval, and the time that a token
takes more: llama-bench draws its tokens at random, while llama-server samples from the whole
vocabulary and runs a queue beside each decode, a cost per token that is some percent of a small
model's token and little of a large one's.
Exit 1 when one is below 0.98, 2 when the build is not there.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import geometric_mean, median

from rounds import ratio_text, symmetric_round

from llamawatt.analysis.estimates.stats import estimate
from llamawatt.core.errors import LlamawattError, UsageError
from llamawatt.models.fetch.catalog import resolve_model
from llamawatt.targets.client import Client
from llamawatt.targets.dialects import Ask
from llamawatt.targets.launcher import Program, ServerProcess, binary_program
from llamawatt.targets.spec import TargetSpec
from llamawatt.workloads.suite import load_suite

LEAST_RATIO = 0.98
N_PROMPT = 512
N_GENERATE = 128
TIMEOUT_S = 1800
DEVICE_FLAGS = {"cpu": ("-ngl", "0", "-dev", "none"), "gpu": ("-ngl", "999")}
SPECS = {
    "cpu": TargetSpec(n_ctx=1024, n_parallel=1, n_gpu_layers=0, device="none"),
    "gpu": TargetSpec(n_ctx=1024, n_parallel=1, n_gpu_layers=999),
}

Speeds = Mapping[str, float]


def bench_tool(folder: Path) -> Path:
    """Return llama-bench of a build.

    Raises:
        UsageError: it is not there.
    """
    for name in ("llama-bench", "llama-server"):
        if not os.access(folder / name, os.X_OK):
            raise UsageError(f"There is no {name} in {folder}.", "Name a build with --llama-dir.")
    return folder / "llama-bench"


def yardstick(tool: Path, model: Path, device: str, n_repeats: int) -> Speeds:
    """Return llama-bench's prefill and decode speed, tokens per second: its fastest repeat."""
    shape = ("-p", str(N_PROMPT), "-n", str(N_GENERATE), "-r", str(n_repeats), "-o", "json")
    done = subprocess.run(
        [str(tool), "-m", str(model), *shape, *DEVICE_FLAGS[device]],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    if done.returncode != 0:
        raise UsageError(f"{tool} ended with {done.returncode}: {done.stderr[-500:]}")
    rows = json.loads(done.stdout)
    return {"decode" if row["n_gen"] else "prefill": max(row["samples_ts"]) for row in rows}


def ours(program: Program, model: Path, device: str, n_repeats: int) -> Speeds:
    """Return the same speeds through server and client. The first repeat warms up, as there."""
    target = ServerProcess(program, model, SPECS[device])
    try:
        with Client(target.start()) as client:
            return {
                "prefill": max([_prefill(client) for _ in range(n_repeats + 1)][1:]),
                "decode": max([_decode(client) for _ in range(n_repeats + 1)][1:]),
            }
    finally:
        target.stop()


def _prefill(client: Client) -> float:
    (record,) = client.run([_ask(f"pp{N_PROMPT}")])
    assert record.prefill_s is not None
    return record.n_prompt / record.prefill_s


def _decode(client: Client) -> float:
    (record,) = client.run([_ask(f"tg{N_GENERATE}")])
    assert record.decode_s is not None
    return (record.n_generated - 1) / record.decode_s


def _ask(shape: str) -> Ask:
    prompt = load_suite(shape).prompts[0]
    return Ask(prompt.id, prompt.content, prompt.n_predict)


def run(options: argparse.Namespace) -> int:
    """Measure the rounds and print the ratios."""
    tool = bench_tool(options.llama_dir)
    os.environ["LD_LIBRARY_PATH"] = os.pathsep.join(
        filter(None, (str(options.llama_dir.resolve()), os.environ.get("LD_LIBRARY_PATH")))
    )
    program = binary_program(options.llama_dir / "llama-server")
    model = resolve_model(options.model).path
    sides = {
        "yardstick": lambda: yardstick(tool, model, options.device, options.repeats),
        "ours": lambda: ours(program, model, options.device, options.repeats),
    }
    ratios: dict[str, list[float]] = {"prefill": [], "decode": []}
    added_s: dict[str, list[float]] = {"prefill": [], "decode": []}
    for number in range(options.rounds):
        seen = symmetric_round(sides, number)
        for phase, values in ratios.items():
            ours_tok_s, bench_tok_s = (
                geometric_mean([turn[phase] for turn in seen[side]])
                for side in ("ours", "yardstick")
            )
            values.append(ours_tok_s / bench_tok_s)
            added_s[phase].append(1 / ours_tok_s - 1 / bench_tok_s)
            print(
                f"round {number + 1} {phase}: {ours_tok_s:.1f} / {bench_tok_s:.1f} tok/s"
                f" = {values[-1]:.4f}",
                file=sys.stderr,
                flush=True,
            )
    fits = True
    for phase, values in ratios.items():
        found = estimate(values)
        fits = fits and found.value >= LEAST_RATIO
        print(
            f"{phase} over llama-bench: {ratio_text(found)}, {len(values)} rounds "
            f"(at least {LEAST_RATIO}), {median(added_s[phase]) * 1e3:+.3f} ms a token"
        )
    return 0 if fits else 1


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--llama-dir", type=Path, required=True)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    try:
        return run(parser.parse_args())
    except LlamawattError as error:
        print(f"not run: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
