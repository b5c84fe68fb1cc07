"""Whether a run gave what it was for."""

from llamawatt.core.errors import MeterError, NoTrialError, TargetError
from llamawatt.core.trials import Status
from llamawatt.runs.store import Run
from llamawatt.study.stopping import hopeless_arms


def require_any_trial(run: Run) -> None:
    """Check that some trial succeeded.

    Raises:
        NoTrialError: none did.
    """
    if run.trials and not any(trial.status is Status.OK for trial in run.trials):
        raise NoTrialError(run.trials[-1].error, run.path)


def require_complete(run: Run) -> None:
    """Check that every arm gave a trial, and some trial a joule.

    Raises:
        TargetError: an arm never did.
        MeterError: none did.
    """
    hopeless = hopeless_arms(run.trials)
    for trial in run.trials:
        if trial.arm in hopeless:
            raise TargetError(f"The arm {trial.arm!r} gave no trial. {trial.error}")
    if not any(trial.energy for trial in run.trials if trial.status is Status.OK):
        raise MeterError(
            "No trial has an energy: no meter gave any in its windows.",
            "`llamawatt doctor` says what would help.",
        )
