"""What a setting costs in quality, where the user bounds it: judged once for each kind of change.

A divergence from the reference comes of the model's bits and of its cache's type. Each is judged
by itself, as a study judges them, and both are added: the divergence of both together is close to
the sum while it is small, which is what a bound on it asks for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from llamawatt.app.judging import Judging, judge, judge_settings
from llamawatt.core.cache_types import cache_setting
from llamawatt.core.plan import QualityRecord
from llamawatt.quality.loaded import Setting as CacheSetting
from llamawatt.study.plan import ModelSource
from llamawatt.tune.search.space import Setting
from llamawatt.tune.setup.preparing import Prepared

KLD = "kld"
PLAIN = CacheSetting()
JudgeModels = Callable[[tuple[ModelSource, ...]], tuple[QualityRecord, ...]]
JudgeCaches = Callable[[ModelSource, tuple[CacheSetting, ...]], tuple[QualityRecord, ...]]


@dataclass(slots=True)
class Divergence:
    """Says how far a setting diverges from the reference, nats per token.

    Attributes:
        ready: What is searched.
        judge_models: Judges models against the one with most bits.
        judge_caches: Judges cache settings of a model against its own f16 cache.
    """

    ready: Prepared
    judge_models: JudgeModels
    judge_caches: JudgeCaches
    _models: dict[str, QualityRecord] = field(default_factory=dict)
    _caches: dict[tuple[str, CacheSetting], QualityRecord] = field(default_factory=dict)

    @classmethod
    def judged(cls, ready: Prepared, how: Judging) -> "Divergence":
        """Return one that judges by predicting a text.

        Args:
            ready: What is searched.
            how: How it is judged.
        """
        return cls(
            ready,
            lambda models: judge(models, how),
            lambda model, settings: judge_settings(model, settings, how),
        )

    @property
    def records(self) -> tuple[QualityRecord, ...]:
        """What was judged so far."""
        return (*self._models.values(), *self._caches.values())

    def values(self, setting: Setting) -> Mapping[str, float]:
        """Return the divergence of a setting; nothing where it could not be judged."""
        arm = self.ready.bench.arm(self.ready.space, setting).record
        cache = CacheSetting(*cache_setting(arm))
        parts = (self._of_model(arm.model), self._of_cache(arm.model, cache))
        known = [part for part in parts if part is not None]
        return {KLD: sum(known)} if len(known) == len(parts) else {}

    def _of_model(self, name: str) -> float | None:
        models = tuple(self.ready.models.values())
        if len(models) == 1:
            return 0.0  # it is its own reference
        if not self._models:
            self._models = {each.model: each for each in self.judge_models(models)}
        return self._models[name].kld

    def _of_cache(self, name: str, cache: CacheSetting) -> float | None:
        if (cache.cache_type_k, cache.cache_type_v) == ("f16", "f16"):
            return 0.0
        key = name, cache
        if key not in self._caches:
            found = self.judge_caches(self.ready.models[name], (PLAIN, cache))
            self._caches[key] = found[-1]
        return self._caches[key].kld
