"""Memory bandwidth of the CPU, measured by streaming more than its caches hold."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

ARRAY_BYTES = 64 * 1024 * 1024
"""Per thread: beyond the last-level cache of a consumer machine, as STREAM asks (McCalpin 1995)."""
N_PASSES = 4


def memory_bandwidth(n_threads: int) -> float:
    """Return the read bandwidth of all threads together, bytes per second.

    Each thread sums its own array (numpy lets go of the interpreter meanwhile); the best pass
    counts, as in STREAM, since whatever disturbs a pass only slows it.
    """
    n_threads = max(1, min(n_threads, 16))
    arrays = [np.ones(ARRAY_BYTES // 8) for _ in range(n_threads)]
    with ThreadPoolExecutor(n_threads) as pool:
        passes_s = []
        for _ in range(N_PASSES):
            t0_s = time.perf_counter()
            list(pool.map(np.sum, arrays))
            passes_s.append(time.perf_counter() - t0_s)
    return n_threads * ARRAY_BYTES / min(passes_s)
