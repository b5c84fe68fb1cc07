"""Why decoding takes its time: bytes streamed per token against the memory's bandwidth.

Each decode step reads every active weight once, whatever the number of streams, and each
stream's own KV cache. So with `n` streams in step, a second of decoding reads
`tok_per_s * (weights / n + kv * context)` bytes (Williams, Waterman & Patterson 2009,
doi:10.1145/1498765.1498785, with the bandwidth roof only).
"""

from dataclasses import dataclass

import numpy as np

from llamawatt.analysis.estimates.cells import Cell
from llamawatt.core.cache_types import cache_size_bytes
from llamawatt.core.plan import ArmRecord, ModelRecord


@dataclass(frozen=True, slots=True)
class RooflinePoint:
    """One arm on one suite under the bandwidth roof.

    Attributes:
        arm: Name of the arm.
        suite: Name of the suite.
        decode_tok_per_s: Tokens decoded per second, all streams together.
        bytes_per_token: Bytes read per token, KV cache at mid-reply included.
        streamed_bytes_per_s: Product of the two.
        bandwidth_bytes_per_s: Measured bandwidth of the memory; None when not measured, or when
            the layers are spread over two memories.
        share: Streamed over measured; None likewise.
        j_per_token: Gross joules per generated token; None when not known.
    """

    arm: str
    suite: str
    decode_tok_per_s: float
    bytes_per_token: float
    streamed_bytes_per_s: float
    bandwidth_bytes_per_s: float | None
    share: float | None
    j_per_token: float | None


def roofline(
    cell: Cell, arm: ArmRecord, model: ModelRecord, bandwidth_bytes_per_s: dict[str, float]
) -> RooflinePoint | None:
    """Place a cell under the roof; None when the model's bytes or the speed are unknown."""
    speed = cell.estimate("decode_tok_per_s")
    if model.bytes_per_token is None or speed is None:
        return None
    streams = arm.spec.get("n_parallel")
    n_streams = streams if isinstance(streams, int) and streams > 0 else 1
    per_reply = cell.columns["n_replies"]
    n_context = float(
        np.median((cell.columns["n_prompt"] + cell.columns["n_generated"] / 2) / per_reply)
    )
    kv_bytes = cache_size_bytes(model, arm, n_context) or 0.0
    bytes_per_token = model.bytes_per_token / n_streams + kv_bytes
    decode_tok_per_s = speed.value * n_streams
    bandwidth = bandwidth_bytes_per_s.get({"cpu": "cpu", "gpu": "gpu-0"}.get(arm.device, ""))
    joules = cell.estimate("j_per_token")
    streamed = bytes_per_token * decode_tok_per_s
    return RooflinePoint(
        arm=cell.arm,
        suite=cell.suite,
        decode_tok_per_s=decode_tok_per_s,
        bytes_per_token=bytes_per_token,
        streamed_bytes_per_s=streamed,
        bandwidth_bytes_per_s=bandwidth,
        share=streamed / bandwidth if bandwidth else None,
        j_per_token=None if joules is None else joules.value,
    )
