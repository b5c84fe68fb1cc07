"""What measuring costs the work: tokens per second with the meters on over the same without.

    python benchmarks/perturbation.py [--server PATH] [--model REF] [--rounds N] [--device cpu|gpu]

A round is four windows on one running server: with the meters, twice without, and with them again,
or the other way around, so that a drift of the machine cancels. The median ratio of the rounds is
printed with its interval. Exit 1 when it is below 0.995 or the sampler takes over 1 % of a core.
"""

import argparse
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import geometric_mean

import numpy as np
from rounds import ratio_text, symmetric_round

from llamawatt.analysis.estimates.stats import estimate
from llamawatt.meters.sampling.instrument import MeterBench
from llamawatt.meters.sensors.discover import discover
from llamawatt.models.fetch.catalog import resolve_model
from llamawatt.targets.client import Client
from llamawatt.targets.dialects import Ask
from llamawatt.targets.launcher import ServerProcess, binary_program, embedded_program
from llamawatt.targets.spec import make_spec

LEAST_RATIO = 0.995
MOST_SHARE = 0.01


def speed(client: Client, window_s: float, n_generate: int) -> float:
    """Return decode steps per second of decode time over a window of requests back to back."""
    records = []
    until_s = time.monotonic() + window_s
    while time.monotonic() < until_s:
        records += client.run([Ask("decode", (300,), n_generate)])
    return sum(r.n_generated - 1 for r in records) / sum(r.decode_s or 0.0 for r in records)


def window(
    client: Client, window_s: float, n_generate: int, *, metered: bool
) -> tuple[float, float]:
    """Return the speed, and what share of a core the sampler took: none without the meters.

    Every window has the same past: the meters are calibrated while the server rests, then a reply
    is thrown away. Without the meters they are shut in between. Otherwise a machine that is faster
    after a rest would speak for the meters.
    """
    found = discover()
    with ExitStack() as stack:
        bench = stack.enter_context(MeterBench(found.meters, found.missing))
        bench.edge()
        if not metered:
            stack.close()
        client.run([Ask("discarded", (300,), n_generate)])
        if not metered:
            return speed(client, window_s, n_generate), 0.0
        before = bench.overhead()
        tok_per_s = speed(client, window_s, n_generate)
        after = bench.overhead()
    spent_s = (after.cpu_s - after.edge_cpu_s) - (before.cpu_s - before.edge_cpu_s)
    return tok_per_s, spent_s / (after.wall_s - before.wall_s)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--server", type=Path)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--window-s", type=float, default=4.0)
    parser.add_argument("--tokens", type=int, default=128)
    args = parser.parse_args()

    program = binary_program(args.server) if args.server else embedded_program()
    device = (
        {"device": "none", "n_gpu_layers": 0} if args.device == "cpu" else {"n_gpu_layers": 999}
    )
    spec = make_spec({"n_ctx": 2048, "n_parallel": 1, **device})
    server = ServerProcess(program, resolve_model(args.model).path, spec)
    ratios: list[float] = []
    shares: list[float] = []
    try:
        with Client(server.start()) as client:
            speed(client, args.window_s, args.tokens)
            sides = {
                "on": lambda: window(client, args.window_s, args.tokens, metered=True),
                "off": lambda: window(client, args.window_s, args.tokens, metered=False),
            }
            for number in range(args.rounds):
                seen = symmetric_round(sides, number)
                on_tok_s, off_tok_s = (
                    geometric_mean([tok_per_s for tok_per_s, _ in seen[side]])
                    for side in ("on", "off")
                )
                shares += [share for _, share in seen["on"]]
                ratios.append(on_tok_s / off_tok_s)
                print(
                    f"round {number + 1}: {on_tok_s:.1f} on, {off_tok_s:.1f} off,"
                    f" ratio {ratios[-1]:.4f}, sampler {shares[-1]:.2%} of a core",
                    flush=True,
                )
    finally:
        server.stop()
    found, share = estimate(ratios), float(np.median(shares))
    print(
        f"tok/s measured over unmeasured: {ratio_text(found)}, "
        f"sampler {share:.2%} of a core ({len(ratios)} rounds)"
    )
    return 0 if found.value >= LEAST_RATIO and share <= MOST_SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
