"""What measuring costs the work: tokens per second with the meters on over the same without.

    python benchmarks/perturbation.py [--server PATH] [--model REF] [--pairs N] [--device cpu|gpu]

Windows with and without the meters take turns on one running server; the median ratio of pairs is
printed with its interval. Exit 1 when it is below 0.995 or the sampler takes over 1 % of a core.
"""

import argparse
import random
import sys
import time
from pathlib import Path

import numpy as np

from llamawatt.analysis.stats import estimate
from llamawatt.meters.bench import MeterBench
from llamawatt.meters.discover import discover
from llamawatt.models.catalog import resolve_model
from llamawatt.targets.client import Client
from llamawatt.targets.launcher import ServerProcess, binary_program, embedded_program
from llamawatt.targets.protocols import Ask
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


def measured(client: Client, window_s: float, n_generate: int) -> tuple[float, float]:
    """Return the speed with all meters sampling, and the sampler's share of one core."""
    found = discover()
    with MeterBench(found.meters, found.missing) as bench:
        bench.edge()
        before = bench.overhead()
        tok_per_s = speed(client, window_s, n_generate)
        after = bench.overhead()
        span_s = after.wall_s - before.wall_s
    spent_s = (after.cpu_s - after.edge_cpu_s) - (before.cpu_s - before.edge_cpu_s)
    return tok_per_s, spent_s / span_s


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--server", type=Path)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--window-s", type=float, default=4.0)
    parser.add_argument("--tokens", type=int, default=128)
    args = parser.parse_args()

    program = binary_program(args.server) if args.server else embedded_program()
    device = (
        {"device": "none", "n_gpu_layers": 0} if args.device == "cpu" else {"n_gpu_layers": 999}
    )
    spec = make_spec({"n_ctx": 2048, "n_parallel": 1, **device})
    server = ServerProcess(program, resolve_model(args.model).path, spec)
    ratios, shares = [], []
    try:
        with Client(server.start()) as client:
            speed(client, args.window_s, args.tokens)
            for pair in range(args.pairs):
                first_on = random.Random(pair).random() < 0.5
                halves = {}
                for on in (first_on, not first_on):
                    if on:
                        halves[True], share = measured(client, args.window_s, args.tokens)
                        shares.append(share)
                    else:
                        halves[False] = speed(client, args.window_s, args.tokens)
                ratios.append(halves[True] / halves[False])
                print(
                    f"pair {pair + 1}: {halves[True]:.1f} on, {halves[False]:.1f} off,"
                    f" ratio {ratios[-1]:.4f}, sampler {shares[-1]:.2%} of a core",
                    flush=True,
                )
    finally:
        server.stop()
    found, share = estimate(ratios), float(np.median(shares))
    print(
        f"tok/s measured over unmeasured: {found.value:.4f} [{found.low:.4f}, {found.high:.4f}], "
        f"sampler {share:.2%} of a core ({len(ratios)} pairs)"
    )
    return 0 if found.value >= LEAST_RATIO and share <= MOST_SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
