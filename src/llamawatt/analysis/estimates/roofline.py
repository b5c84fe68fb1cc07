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
from llamawatt.core.machine import MachineRecord
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
        bandwidth_bytes_per_s: Bandwidth of the memory; None when not known, or when the layers
            are spread over two memories.
        share: Streamed over that bandwidth; None likewise.
        j_per_token: Gross joules per generated token; None when not known.
        is_nameplate: Whether the bandwidth is that of the card's design, not a measured one.
    """

    arm: str
    suite: str
    decode_tok_per_s: float
    bytes_per_token: float
    streamed_bytes_per_s: float
    bandwidth_bytes_per_s: float | None
    share: float | None
    j_per_token: float | None
    is_nameplate: bool = False


@dataclass(frozen=True, slots=True)
class Roof:
    """How fast a memory can be read, and whether that was measured or is the card's design."""

    bytes_per_s: float
    is_nameplate: bool = False


def roof_of(machine: MachineRecord, device: str) -> Roof | None:
    """Return the roof over an arm on `cpu` or `gpu`; None when unknown.

    Layers on several cards are read one card after another, so cards alike have one card's roof;
    over unlike cards none is stated.
    """
    measured = machine.bandwidth_bytes_per_s.get({"cpu": "cpu", "gpu": "gpu-0"}.get(device, ""))
    if measured is not None:
        return Roof(measured)
    plates = {gpu.nameplate_bytes_per_s for gpu in machine.gpus}
    (plate,) = plates if device == "gpu" and len(plates) == 1 else (None,)
    return None if plate is None else Roof(plate, is_nameplate=True)


def roofline(
    cell: Cell, arm: ArmRecord, model: ModelRecord, roof: Roof | None
) -> RooflinePoint | None:
    """Place a cell under its roof; None when the model's bytes or the speed are unknown."""
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
    bandwidth = None if roof is None else roof.bytes_per_s
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
        is_nameplate=roof is not None and roof.is_nameplate,
    )
