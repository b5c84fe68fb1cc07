"""What work on a target costs in joules and seconds, as it was measured: a target's profile."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchPoint:
    """What generating costs at some number of streams.

    Attributes:
        n_streams: Streams served at once.
        decode_j_per_token: Joules above resident idle, per token.
        decode_tokens_per_s: Tokens a second of all streams together.
    """

    n_streams: int
    decode_j_per_token: float
    decode_tokens_per_s: float


@dataclass(frozen=True, slots=True)
class TargetCosts:
    """What a target's work costs.

    Attributes:
        prefill_j_per_token: Joules per prompt token, above resident idle.
        prefill_tokens_per_s: Prompt tokens a second.
        batch: What generating costs by number of streams, rising; one stream at least.
        resident_w: Power that the loaded target adds while nothing is asked.
        wake_s: Time from off to healthy.
        wake_j: Energy of that, above the power while off.
        gpu_share: Part of the work's energy that GPUs draw, 0..1.
    """

    prefill_j_per_token: float
    prefill_tokens_per_s: float
    batch: tuple[BatchPoint, ...]
    resident_w: float = 0.0
    wake_s: float = 0.0
    wake_j: float = 0.0
    gpu_share: float = 0.0

    def decode_j_per_token(self, n_streams: float = 1.0) -> float:
        """Return joules per token at some number of streams, on straight lines of logarithms."""
        points = [(point.n_streams, point.decode_j_per_token) for point in self.batch]
        return _interpolated(points, max(1.0, n_streams))

    def decode_tokens_per_s(self, n_streams: float = 1.0) -> float:
        """Return tokens a second of all streams together at some number of streams."""
        points = [(point.n_streams, point.decode_tokens_per_s) for point in self.batch]
        return _interpolated(points, max(1.0, n_streams))

    def added_j_per_token(self, n_busy: int) -> float:
        """Return what each token of one more stream adds beside those already busy.

        A stream that joins a batch costs less than one alone: the weights are read once for all.
        """
        before_w = self._decode_w(n_busy) if n_busy else 0.0
        own_tokens_per_s = self.decode_tokens_per_s(n_busy + 1) / (n_busy + 1)
        slowed_w = before_w * self._slowed(n_busy)
        return max(0.0, self._decode_w(n_busy + 1) - slowed_w) / own_tokens_per_s

    def work_j(self, n_prompt: float, n_generated: float) -> float:
        """Return the energy of a request alone, above resident idle."""
        return n_prompt * self.prefill_j_per_token + n_generated * self.decode_j_per_token()

    @property
    def break_even_s(self) -> float:
        """Silence after which being resident has cost as much as waking up; infinite if free."""
        return self.wake_j / self.resident_w if self.resident_w > 0 else math.inf

    def _decode_w(self, n_streams: int) -> float:
        return self.decode_j_per_token(n_streams) * self.decode_tokens_per_s(n_streams)

    def _slowed(self, n_busy: int) -> float:
        """Return the part of their old rate that the busy streams keep beside one more."""
        if not n_busy:
            return 0.0
        kept = self.decode_tokens_per_s(n_busy + 1) * n_busy
        return min(1.0, kept / (self.decode_tokens_per_s(n_busy) * (n_busy + 1)))


def _interpolated(points: list[tuple[int, float]], n_streams: float) -> float:
    """Return a value on straight lines between logarithms; constant beyond the ends."""
    low = points[0]
    for high in points:
        if high[0] >= n_streams:
            if high[0] == low[0] or n_streams <= low[0]:
                return low[1] if n_streams <= low[0] else high[1]
            share = math.log(n_streams / low[0]) / math.log(high[0] / low[0])
            return math.exp(math.log(low[1]) + share * (math.log(high[1]) - math.log(low[1])))
        low = high
    return low[1]
