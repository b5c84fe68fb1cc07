"""What all windows together say of every setting: a Gaussian process over knobs and time.

The loss (a logarithm) is a constant, plus one smooth part for each knob, one for every pair of
them and one for all together, plus the slow drift of the machine, plus the noise of a window. One
window says little of its own setting; with its neighbours it says much, which is what keeps a
lucky window from winning. See Rasmussen and Williams, Gaussian Processes for Machine Learning,
chapters 2 and 5.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from llamawatt.tune.search.space import Setting, Space

Floats = NDArray[np.float64]
NEIGHBOUR_STEPS = 2.0
"""Over how many steps of a knob its effect stays alike."""
DRIFT_WINDOWS = 30.0
"""Over how many windows the machine's drift stays alike."""
TAIL_DOF = 4.0
"""Degrees of freedom of the noise: windows are wilder than normal ones, yet have a variance."""
N_REFITS = 2
N_REWEIGHTED = 4
"""How often wild windows are weighed anew once the scales are fitted."""
MOST_STEPS = 40
"""Of the fit of the scales: what is left after as many changes no ranking."""
_PRIOR_LOG_SD = 1.5
_TYPICAL = {
    "knob": 0.1,
    "pair": 0.02,
    "together": 0.03,
    "group": 0.05,
    "drift": 0.03,
    "noise": 0.05,
}
_JITTER = 1e-10


@dataclass(frozen=True, slots=True)
class Belief:
    """What is believed of some settings, as log ratios over the default.

    Attributes:
        mean: Shape (n,).
        deviation: Standard deviation, shape (n,).
    """

    mean: Floats
    deviation: Floats


class Surrogate:
    """Windows seen so far, and what they say of any setting."""

    def __init__(
        self,
        space: Space,
        settings: Sequence[Setting],
        losses: Sequence[float],
        scales: Floats | None = None,
        groups: Sequence[object] | None = None,
    ) -> None:
        """Fit the windows, in the order in which they were taken.

        Args:
            space: What varies.
            settings: The setting of each window, n of them.
            losses: Its loss.
            scales: The scales of a model of nearly as many windows, taken as they are; they are
                fitted when None, which costs far more than all the rest.
            groups: Of each window, what it shares a level with: windows of other prompts lie
                higher or lower as a whole. One group when None.

        Raises:
            ValueError: there are fewer than two windows.
        """
        if len(losses) < 2:
            raise ValueError("a surrogate needs two windows")
        self._space = space
        self._n_knobs = len(space.knobs)
        self._pairs = tuple(itertools.combinations(range(self._n_knobs), 2))
        self._seen = self._places(settings)
        order = np.arange(len(losses), dtype=float)
        self._time = np.exp(-np.abs(order[:, None] - order) / DRIFT_WINDOWS)
        known = {group: at for at, group in enumerate(dict.fromkeys(groups or ()))}
        of = np.array([known[each] for each in groups] if groups else [0] * len(losses))
        self._grouped = (of[:, None] == of).astype(float)
        self._alike = self._correlations(self._seen, self._seen)
        values = np.asarray(losses, dtype=float)
        self._values = values - float(np.median(values))
        self._wildness: Floats = np.ones(len(values))
        usual = np.log([_TYPICAL[kind] for kind in self._kinds])
        self._logs = usual if scales is None else scales
        for _ in range(N_REFITS):
            self._logs = self._fitted(self._logs) if scales is None else scales
            self._solved = _root(self._covariance(self._logs))
            self._weights = _solve(self._solved, self._values)
            self._wildness = self._wild()
        for _ in range(N_REWEIGHTED):
            self._solved = _root(self._covariance(self._logs))
            self._weights = _solve(self._solved, self._values)
            self._wildness = self._wild()

    def believe(self, settings: Sequence[Setting]) -> Belief:
        """Return what is believed of settings, over the default."""
        default = [self._space.default()]
        places, plain = self._places(settings), self._places(default)
        cross = self._effects(self._correlations(places, self._seen))
        base = self._effects(self._correlations(plain, self._seen))
        difference = cross - base
        mean = difference @ self._weights
        own = self._effects(self._correlations(plain, plain))[0, 0]
        apart = 2 * (own - self._effects(self._correlations(places, plain))[:, 0])
        explained = np.sum(difference * _solve(self._solved, difference.T).T, axis=1)
        return Belief(mean, np.sqrt(np.maximum(apart - explained, 0.0)))

    def contrast(self, one: Sequence[Setting], other: Sequence[Setting]) -> tuple[float, float]:
        """Return by how much settings are worse than others on average, and the deviation of that.

        Args:
            one: Settings.
            other: Settings.
        """
        a, b = self._places(one), self._places(other)
        seen = self._mean_effect(a, self._seen) - self._mean_effect(b, self._seen)
        own = float(
            self._mean_effect(a, a).mean()
            + self._mean_effect(b, b).mean()
            - 2 * self._mean_effect(a, b).mean()
        )
        explained = float(seen @ _solve(self._solved, seen))
        return float(seen @ self._weights), math.sqrt(max(0.0, own - explained))

    def _mean_effect(self, a: Floats, b: Floats) -> Floats:
        """Covariance of the mean over the first with each of the second, shape (len(b),)."""
        mean: Floats = self._effects(self._correlations(a, b)).mean(axis=0)
        return mean

    @property
    def scales(self) -> Floats:
        """Fitted scales, as logarithms: one a knob, one a pair, together, group, drift, noise."""
        return self._logs

    @property
    def noise(self) -> float:
        """Standard deviation of one window's loss."""
        return float(np.exp(self._logs[-1]))

    def _places(self, settings: Sequence[Setting]) -> Floats:
        return np.array([self._space.places(setting) for setting in settings], dtype=float)

    def _correlations(self, a: Floats, b: Floats) -> Floats:
        """Shape (kinds, len(a), len(b)): each knob alone, every pair, all together."""
        steps = np.abs(a[:, None, :] - b[None, :, :]) / NEIGHBOUR_STEPS
        alone = np.moveaxis(np.exp(-steps), -1, 0)
        pairs = [alone[i] * alone[j] for i, j in self._pairs]
        return np.stack([*alone, *pairs, np.prod(alone, axis=0)])

    def _effects(self, correlations: Floats) -> Floats:
        scales = np.exp(2 * self._logs[:-3])
        return cast("Floats", np.tensordot(scales, correlations, axes=1))

    def _covariance(self, logs: Floats) -> Floats:
        effects = np.tensordot(np.exp(2 * logs[:-3]), self._alike, axes=1)
        group, drift, noise = np.exp(2 * logs[-3:])
        level = 1.0  # the offset itself is unknown to about this
        own = np.diag(noise * self._wildness + _JITTER)
        return cast("Floats", effects + group * self._grouped + drift * self._time + level + own)

    @property
    def _kinds(self) -> list[str]:
        kinds = ["knob"] * self._n_knobs + ["pair"] * len(self._pairs)
        return [*kinds, "together", "group", "drift", "noise"]

    def _wild(self) -> Floats:
        """By how much each window's variance exceeds the usual: heavy tails as a mixture.

        Student's t is a normal whose variance varies; this is its expectation given the residual
        (Lange, Little and Taylor, J. Am. Stat. Assoc. 84, 1989).
        """
        noise = np.exp(2 * self._logs[-1]) * self._wildness
        residual = noise * self._weights
        ratio = residual**2 / np.exp(2 * self._logs[-1])
        wild: Floats = np.maximum((TAIL_DOF + ratio) / (TAIL_DOF + 1), 0.5)
        return wild

    def _fitted(self, initial: Floats) -> Floats:
        """Most probable scales, as logarithms, in the order of `_kinds`."""
        from scipy.optimize import minimize  # noqa: PLC0415  # only a search needs it

        usual = np.log([_TYPICAL[kind] for kind in self._kinds])

        def surprise(logs: Floats) -> tuple[float, Floats]:
            return self._surprise(logs, usual)

        found = minimize(
            surprise,
            initial,
            jac=True,
            method="L-BFGS-B",
            bounds=[(-9.0, 2.0)] * len(initial),
            options={"maxiter": MOST_STEPS},
        )
        scales: Floats = found.x
        return scales

    def _surprise(self, logs: Floats, usual: Floats) -> tuple[float, Floats]:
        """Negative log posterior of the scales and its gradient."""
        covariance = self._covariance(logs)
        root = _root(covariance)
        weights = _solve(root, self._values)
        inverse = _solve(root, np.eye(len(self._values)))
        away = (logs - usual) / _PRIOR_LOG_SD
        value = 0.5 * self._values @ weights + np.log(np.diag(root)).sum() + 0.5 * away @ away
        inner = np.outer(weights, weights) - inverse
        traces = [
            *np.tensordot(self._alike, inner, axes=2).tolist(),
            float(np.vdot(self._grouped, inner)),
            float(np.vdot(self._time, inner)),
            float(np.diag(inner) @ self._wildness),
        ]
        gradient = -np.exp(2 * logs) * np.array(traces) + away / _PRIOR_LOG_SD
        return float(value), gradient


def _root(covariance: Floats) -> Floats:
    return np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)


def _solve(root: Floats, right: Floats) -> Floats:
    from scipy.linalg import cho_solve  # noqa: PLC0415

    solved: Floats = cho_solve((root, True), right)
    return solved
