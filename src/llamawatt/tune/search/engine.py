"""Which setting to try next: Optuna's tree-structured Parzen estimator, asked and told.

Multivariate TPE with constraints (Optuna's `TPESampler`), one place a knob in its natural order.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from llamawatt.core.errors import UsageError
from llamawatt.tune.search.objective import Requirement
from llamawatt.tune.search.space import Setting, Space

if TYPE_CHECKING:
    from optuna.trial import Trial

REPEATED_ASKS = 20
"""How often a refused or already tried setting is asked anew before any unseen one is taken."""
FAILED_LOSS = 50.0
"""Loss of a setting that did not run: worse, as a logarithm, than any that does."""


class Engine:
    """Asks for settings and learns from what came of them."""

    def __init__(self, space: Space, seed: int, starts: Sequence[Setting]) -> None:
        """Begin a search.

        Args:
            space: What varies.
            seed: Of every random choice.
            starts: Settings to try first, in this order.

        Raises:
            UsageError: Optuna is not installed.
        """
        try:
            import optuna  # noqa: PLC0415
        except ImportError as error:
            raise UsageError(
                "The search for settings needs Optuna.", "Install it: pip install 'llamawatt[tune]'"
            ) from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(multivariate=True, seed=seed, n_startup_trials=8)
        self._study = optuna.create_study(sampler=sampler)
        self._space = space
        self._told: set[Setting] = set()
        self._open: dict[Setting, Trial] = {}
        for start in starts:
            self.suggest(start)

    def suggest(self, setting: Setting) -> None:
        """Have a setting tried next."""
        places = dict(zip(self._names, self._space.places(setting), strict=True))
        self._study.enqueue_trial(places, skip_if_exists=True)

    def ask(self) -> Setting | None:
        """Return the next setting to try; None when every setting that can run was tried."""
        for _ in range(REPEATED_ASKS):
            setting, trial = self._asked()
            if setting not in self._told and not self._space.refuse(setting):
                self._open[setting] = trial
                return setting
            self._drop(trial, refused=bool(self._space.refuse(setting)))
        return next((each for each in self._space.settings() if each not in self._told), None)

    def tell(
        self, setting: Setting, loss: float | None, broken: Mapping[Requirement, float]
    ) -> None:
        """Learn from a setting.

        Args:
            setting: What was tried.
            loss: Its loss; None where it failed.
            broken: Requirement → by what share it is broken; zero or less where it holds.
        """
        self._told.add(setting)
        trial = self._open.pop(setting, None)
        if trial is None:
            return
        for requirement, excess in broken.items():
            trial.set_constraint(str(requirement), excess)
        self._study.tell(trial, FAILED_LOSS if loss is None else loss)

    @property
    def _names(self) -> list[str]:
        return [knob.name for knob in self._space.knobs]

    def _asked(self) -> tuple[Setting, "Trial"]:
        trial = self._study.ask()
        values = tuple(
            (knob.name, knob.values[trial.suggest_int(knob.name, 0, len(knob.values) - 1)])
            for knob in self._space.knobs
        )
        return Setting(values), trial

    def _drop(self, trial: "Trial", *, refused: bool) -> None:
        """Learn that a setting cannot run; forget an ask for one that was tried before."""
        from optuna.trial import TrialState  # noqa: PLC0415

        if refused:
            self._study.tell(trial, FAILED_LOSS)
        else:
            self._study.tell(trial, state=TrialState.FAIL)
