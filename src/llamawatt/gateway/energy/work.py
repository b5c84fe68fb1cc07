"""What one request did when: prompt tokens and generated tokens over time, in bounded memory."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Work:
    """The work of one request, as far as it is known.

    The prompt is taken to be read evenly from the start to the first token. Generated tokens are
    noted now and then while they stream by; of an answer that does not stream they are taken to
    come evenly, at the target's usual rate, until it ends.

    Attributes:
        target: Name of the target that does it.
        began_s: When it was sent there, monotonic.
        n_prompt: Prompt tokens to be read, estimated until they are told.
        prefill_tokens_per_s: Usual rate of the target.
        decode_tokens_per_s: Usual rate of the target.
        streamed: Whether tokens are seen as they come.
        first_s: When the first token came; None before that, and where nothing streams.
        ended_s: When the answer ended; None before that.
        n_generated: Tokens seen so far.
    """

    target: str
    began_s: float
    n_prompt: float
    prefill_tokens_per_s: float
    decode_tokens_per_s: float
    streamed: bool = True
    first_s: float | None = None
    ended_s: float | None = None
    n_generated: float = 0.0
    _noted: deque[tuple[float, float]] = field(default_factory=deque)

    def note(self, now_s: float) -> None:
        """Note how many tokens were seen by now. Call it some times a second, and at the end."""
        if self.first_s is not None:
            self._noted.append((now_s, self.n_generated))

    def presence_s(self, t0_s: float, t1_s: float) -> float:
        """Return for how long of a stretch the request was there."""
        end_s = t1_s if self.ended_s is None else min(t1_s, self.ended_s)
        return max(0.0, end_s - max(t0_s, self.began_s))

    def prefilled(self, t0_s: float, t1_s: float) -> float:
        """Return the prompt tokens read within a stretch."""
        end_s = self._prefill_end_s()
        length_s = end_s - self.began_s
        overlap_s = min(t1_s, end_s) - max(t0_s, self.began_s)
        if length_s <= 0:
            return self.n_prompt if t0_s <= self.began_s < t1_s else 0.0
        return self.n_prompt * max(0.0, overlap_s) / length_s

    def decoded(self, t0_s: float, t1_s: float) -> float:
        """Return the tokens generated within a stretch."""
        if self.streamed:
            return self._seen_by(t1_s) - self._seen_by(t0_s)
        start_s = max(t0_s, self._prefill_end_s())
        end_s = t1_s if self.ended_s is None else min(t1_s, self.ended_s)
        return max(0.0, end_s - start_s) * self.decode_tokens_per_s

    def forget_before(self, t_s: float) -> None:
        """Drop what is not needed to tell stretches behind a moment."""
        while len(self._noted) > 1 and self._noted[1][0] <= t_s:
            self._noted.popleft()

    def _prefill_end_s(self) -> float:
        if self.first_s is not None:
            return self.first_s
        usual_s = self.began_s + self.n_prompt / self.prefill_tokens_per_s
        return usual_s if self.ended_s is None else min(usual_s, self.ended_s)

    def _seen_by(self, t_s: float) -> float:
        """Return the tokens seen by a moment, between notes by straight lines."""
        if self.first_s is None or t_s <= self.first_s:
            return 0.0
        before = (self.first_s, 0.0)
        for noted in self._noted:
            if noted[0] > t_s:
                share = (t_s - before[0]) / (noted[0] - before[0])
                return before[1] + share * (noted[1] - before[1])
            before = noted
        return before[1]
