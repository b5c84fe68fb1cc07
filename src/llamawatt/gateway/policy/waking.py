"""When a target that is off is worth waking: what it would have saved, and will."""

from dataclasses import dataclass

from llamawatt.gateway.costs import TargetCosts

MEMORY = 0.1
"""Weight of the newest gap and saving in the running means."""
MOST_FOLLOWERS = 30.0


@dataclass(slots=True)
class WakeValue:
    """Joules that speak for waking a target.

    Two voices, the louder counts. What recent requests would have saved had it been on: who wakes
    once that equals the price pays at most about twice the best. And what the requests to come
    will save while it is on: where p is the chance that the next comes before it unloads again,
    p / (1 - p) follow on average.

    Attributes:
        costs: What the target costs.
        missed_j: Joules that requests would have saved since it went off.
        follows_share: Running chance that a request comes before the target would unload.
        saving_j: Running mean of what one request saves on it.
    """

    costs: TargetCosts
    missed_j: float = 0.0
    follows_share: float = 0.0
    saving_j: float = 0.0
    _last_s: float | None = None

    def asked(self, now_s: float) -> None:
        """Learn that a request came."""
        if self._last_s is not None:
            follows = float(now_s - self._last_s < self.costs.break_even_s)
            self.follows_share += MEMORY * (follows - self.follows_share)
        self._last_s = now_s

    def could_save(self, saved_j: float) -> None:
        """Learn what a request saves on this target against the cheapest of the others."""
        self.saving_j += MEMORY * (saved_j - self.saving_j)

    def missed(self, saved_j: float) -> None:
        """Note what a request that ran elsewhere would have saved."""
        self.missed_j += saved_j

    def woken(self) -> None:
        """Begin anew."""
        self.missed_j = 0.0

    @property
    def value_j(self) -> float:
        """Joules that speak for waking it now, beside those that this request saves."""
        followers = min(MOST_FOLLOWERS, self.follows_share / max(1e-9, 1.0 - self.follows_share))
        return max(self.missed_j, followers * max(0.0, self.saving_j))
