"""Learns online what requests cost on a target, and how wrong its predictions were.

Both energy and time are taken to be linear in prompt tokens and generated tokens. The two costs
are tracked by a Kalman filter whose noise is relative, begun at the profile: a good profile hardly
moves, a poor one is soon left behind.
"""

import math
from dataclasses import dataclass, field

PRIOR_ERROR = 0.3
"""Relative deviation that a profile's costs are given."""
NOISE_ERROR = 0.2
"""Relative deviation of one request from what two costs can tell."""
DRIFT_ERROR = 0.01
"""Relative deviation by which a cost moves from one request to the next."""
SURPRISING = 2.0
"""Deviations from which on a request makes the costs less certain."""
MOST_SURPRISE = 100.0
MOST_OFF = 100.0
"""No single request is believed to cost this many times more, or less, than expected."""
FLOOR = 1e-12
ERROR_MEMORY = 0.05
"""Weight of the newest prediction error in the running mean."""


@dataclass(slots=True)
class LearntCosts:
    """Two costs per token, learnt from whole requests.

    Attributes:
        per_prompt_token: Cost of a prompt token.
        per_generated_token: Cost of a generated token.
        n_seen: Requests learnt from.
        error_ratio: Running mean of how far predictions were off, as |ln(actual / predicted)|.
    """

    per_prompt_token: float
    per_generated_token: float
    n_seen: int = 0
    error_ratio: float = 0.0
    _covariance: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._covariance = [
            (PRIOR_ERROR * self.per_prompt_token) ** 2,
            0.0,
            (PRIOR_ERROR * self.per_generated_token) ** 2,
        ]

    def predict(self, n_prompt: float, n_generated: float) -> float:
        """Return the expected cost of a request."""
        return self.per_prompt_token * n_prompt + self.per_generated_token * n_generated

    def learn(self, n_prompt: float, n_generated: float, actual: float) -> None:
        """Learn from a request that is done; what is no positive number teaches nothing."""
        expected = self.predict(n_prompt, n_generated)
        if not (math.isfinite(actual) and actual > 0 and expected > 0):
            return
        self._track_error(abs(math.log(actual / expected)))
        actual = min(MOST_OFF * expected, max(expected / MOST_OFF, actual))
        aa, ab, bb = self._covariance
        aa, bb = (
            aa + (DRIFT_ERROR * self.per_prompt_token) ** 2,
            bb + (DRIFT_ERROR * self.per_generated_token) ** 2,
        )
        surprise = self._surprise(n_prompt, n_generated, actual - expected, expected)
        aa, ab, bb = aa * surprise, ab * surprise, bb * surprise
        toward_a, toward_b = aa * n_prompt + ab * n_generated, ab * n_prompt + bb * n_generated
        noise = NOISE_ERROR * max(expected, actual)
        total = n_prompt * toward_a + n_generated * toward_b + noise**2
        gain_a, gain_b = toward_a / total, toward_b / total
        self.per_prompt_token = max(FLOOR, self.per_prompt_token + gain_a * (actual - expected))
        self.per_generated_token = max(
            FLOOR, self.per_generated_token + gain_b * (actual - expected)
        )
        self._covariance = [aa - gain_a * toward_a, ab - gain_a * toward_b, bb - gain_b * toward_b]

    def _surprise(self, n_prompt: float, n_generated: float, off: float, expected: float) -> float:
        """Return by what factor the costs are less certain than was thought, given how far off."""
        aa, ab, bb = self._covariance
        spread = n_prompt**2 * aa + 2 * n_prompt * n_generated * ab + n_generated**2 * bb
        spread += (NOISE_ERROR * expected) ** 2
        return min(MOST_SURPRISE, max(1.0, off**2 / (SURPRISING**2 * spread)))

    def _track_error(self, error_ratio: float) -> None:
        weight = max(ERROR_MEMORY, 1.0 / (self.n_seen + 1))
        self.error_ratio += weight * (error_ratio - self.error_ratio)
        self.n_seen += 1


@dataclass(slots=True)
class LearntMean:
    """A running mean, as of generated tokens per answer.

    Attributes:
        mean: The mean, at first a guess.
        n_seen: What it was learnt from.
    """

    mean: float
    n_seen: int = 0

    def learn(self, value: float) -> None:
        """Learn from one more value."""
        weight = max(ERROR_MEMORY, 1.0 / (self.n_seen + 1))
        self.mean += weight * (value - self.mean)
        self.n_seen += 1
