"""A target's costs as they are known by now: its profile, corrected by what was measured since."""

from dataclasses import dataclass, field, replace

from llamawatt.gateway.costs import TargetCosts
from llamawatt.gateway.policy.learning import LearntCosts, LearntMean
from llamawatt.gateway.policy.waking import WakeValue


@dataclass(slots=True)
class Learnt:
    """What was learnt of one target.

    Attributes:
        profile: Its costs before anything was learnt.
        energy: Joules of a request alone, above idle.
        time: Seconds of a request alone.
        wake_s: Time from off to healthy.
        resident_w: Power of being loaded, where it was measured; else the profile's.
        waking: What speaks for waking it.
    """

    profile: TargetCosts
    energy: LearntCosts = field(init=False)
    time: LearntCosts = field(init=False)
    wake_s: LearntMean = field(init=False)
    waking: WakeValue = field(init=False)
    resident_w: float | None = None

    def __post_init__(self) -> None:
        own = self.profile
        self.energy = LearntCosts(own.prefill_j_per_token, own.decode_j_per_token())
        self.time = LearntCosts(1 / own.prefill_tokens_per_s, 1 / own.decode_tokens_per_s())
        self.wake_s = LearntMean(own.wake_s)
        self.waking = WakeValue(own)

    def costs(self) -> TargetCosts:
        """Return the costs as they are known now."""
        own = self.profile
        dearer = self.energy.per_generated_token / own.decode_j_per_token()
        slower = self.time.per_generated_token * own.decode_tokens_per_s()
        return replace(
            own,
            prefill_j_per_token=self.energy.per_prompt_token,
            prefill_tokens_per_s=1 / self.time.per_prompt_token,
            batch=tuple(
                replace(
                    point,
                    decode_j_per_token=point.decode_j_per_token * dearer,
                    decode_tokens_per_s=point.decode_tokens_per_s / slower,
                )
                for point in own.batch
            ),
            resident_w=own.resident_w if self.resident_w is None else self.resident_w,
            wake_s=self.wake_s.mean,
        )
