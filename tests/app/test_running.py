"""A study from its order to its records: the real runner and meters' bench, a simulated sensor."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import llamawatt
from llamawatt.app.observer import Silent
from llamawatt.app.order import Order
from llamawatt.app.running import run_study
from llamawatt.app.serving import Serving
from llamawatt.core.clock import SystemClock
from llamawatt.core.errors import Cancelled, NoTrialError, RunDirectoryError, UsageError
from llamawatt.core.plan import RunEvent
from llamawatt.core.trials import Status, TrialRecord
from llamawatt.meters.sampling.instrument import MeterBench
from llamawatt.runs.store import read_run
from llamawatt.study.spec import Device, GroupSpec, ProtocolSpec, StudySpec
from llamawatt.testing.fake_meter import FakeMeter
from tests.targets.fakes import running

QUICK = ProtocolSpec(
    window_min_s=0.05, periods_min=1, idle_s=0.05, cool_down_s=0.05, n_warm_up=0, n_prompts=1,
    repeats_min=2, repeats_max=2,
)  # fmt: skip
SPEC = StudySpec(
    name="small",
    suites=("pp8+tg4",),
    groups=(GroupSpec(name="baseline", devices=(Device.CPU,)),),
    protocol=QUICK,
    seed=5,
)


class Listening(Silent):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.path: Path | None = None
        self.kinds: list[str] = []
        self.last_left = -1

    def finished(self, trial: TrialRecord, outlook: object) -> None:
        self.done.append(trial.trial_id)
        self.last_left = outlook.n_expected - outlook.n_done

    def noted(self, event: RunEvent) -> None:
        self.kinds.append(event.kind)

    def began(self, path: Path) -> None:
        self.path = path


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running() as found:
        yield found


@pytest.fixture(scope="module")
def instruments() -> Iterator[MeterBench]:
    clock = SystemClock()
    with MeterBench((FakeMeter(clock),), (), clock) as bench:
        yield bench


@pytest.fixture
def order(url: str, tmp_path: Path) -> Order:
    return Order(SPEC, serving=Serving(url=url), out=tmp_path / "run", command="test")


def test_a_run_gives_its_path_and_its_records(order: Order, instruments: MeterBench) -> None:
    heard = Listening()
    run = run_study(order, heard, instruments=instruments)
    assert run.path == order.out == heard.path
    assert [trial.trial_id for trial in run.trials] == heard.done
    assert {trial.status for trial in run.trials} == {Status.OK}
    assert run.study.command == "test"
    assert heard.last_left == 0
    for trial in run.trials:
        assert trial.metrics is not None
        assert trial.metrics["energy_j"] is not None
    assert read_run(run.path) == run


def test_it_may_be_called_again_and_again_with_the_same_meters(
    order: Order, instruments: MeterBench, tmp_path: Path
) -> None:
    n_threads = threading.active_count()
    for number in range(3):
        run = run_study(replace(order, out=tmp_path / str(number)), instruments=instruments)
        assert len(run.trials) == 2
    assert threading.active_count() <= n_threads + 1
    with pytest.raises(RunDirectoryError, match="already holds a run"):
        run_study(replace(order, out=tmp_path / "0"), instruments=instruments)


def test_it_may_be_called_from_another_thread(order: Order, instruments: MeterBench) -> None:
    found = []
    thread = threading.Thread(
        target=lambda: found.append(run_study(order, instruments=instruments))
    )
    thread.start()
    thread.join(60)
    assert len(found[0].trials) == 2


def test_a_run_that_is_called_off_keeps_its_trials_and_goes_on(
    order: Order, instruments: MeterBench
) -> None:
    cancel = threading.Event()

    class Enough(Listening):
        def finished(self, trial: TrialRecord, outlook: object) -> None:
            super().finished(trial, outlook)
            cancel.set()

    heard = Enough()
    with pytest.raises(Cancelled) as caught:
        run_study(order, heard, instruments=instruments, cancel=cancel)
    assert caught.value.path == order.out
    assert heard.kinds[-1] == "interrupted"
    before = read_run(order.out).trials
    assert len(before) == 1
    rest = replace(order, out=None, resume=order.out)
    after = run_study(rest, instruments=instruments).trials
    assert after[:1] == before
    assert len(after) == 2


def test_an_order_that_is_called_off_at_once_leaves_nothing(
    order: Order, instruments: MeterBench
) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        run_study(order, instruments=instruments, cancel=cancel)
    assert read_run(order.out).trials == ()


def test_what_an_observer_raises_ends_the_run_and_lets_go_of_it(
    order: Order, instruments: MeterBench
) -> None:
    class Tired(Silent):
        def finished(self, trial: TrialRecord, outlook: object) -> None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_study(order, Tired(), instruments=instruments)
    assert len(read_run(order.out).trials) == 1
    run_study(replace(order, out=None, resume=order.out), instruments=instruments)


def test_a_run_without_any_trial_is_an_error_that_names_the_run(
    order: Order, instruments: MeterBench
) -> None:
    with running("--fault", "error-midway") as broken, pytest.raises(NoTrialError) as caught:
        run_study(replace(order, serving=Serving(url=broken)), instruments=instruments)
    assert read_run(caught.value.path).trials
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    "changes",
    [{"models": ("m.gguf",)}, {"judges": True}, {"resume": Path("elsewhere")}],
    ids=str,
)
def test_orders_that_contradict_themselves_are_refused(
    order: Order, instruments: MeterBench, changes: dict[str, object]
) -> None:
    with pytest.raises(UsageError):
        run_study(replace(order, **changes), instruments=instruments)
    assert not order.out.exists()


def test_the_table_of_a_run_has_a_row_per_trial_and_says_what_is_missing(
    order: Order, instruments: MeterBench
) -> None:
    run = run_study(order, instruments=instruments)
    failed = replace(run.trials[0], status=Status.FAILED, metrics=None, energy={}, error="x")
    run = replace(run, trials=(*run.trials, failed))
    table = run.to_arrow()
    assert table.num_rows == 3
    rows = table.to_pylist()
    assert rows[0]["energy_j"] == run.trials[0].metrics["energy_j"]
    assert rows[0]["factor.device"] == "attached"
    assert rows[2]["energy_j"] is None
    domain = run.study.boundary[0]
    assert rows[0][f"energy_j.{domain}"] == run.trials[0].energy[domain].energy_j
    assert rows[2][f"method.{domain}"] is None
    json.dumps(rows)
    frame = run.to_pandas()
    assert list(frame.columns) == table.column_names
    assert frame.groupby("arm")["energy_j"].mean().notna().all()


def test_the_order_of_the_python_api(url: str, tmp_path: Path, instruments: MeterBench) -> None:
    made = llamawatt.order(
        SPEC, serving=Serving(url=url), out=tmp_path / "r", seed=8, protocol={"repeats_min": 1,
        "repeats_max": 1},
    )  # fmt: skip
    assert (made.spec.seed, made.spec.protocol.repeats_max) == (8, 1)
    assert len(run_study(made, instruments=instruments).trials) == 1
    with pytest.raises(UsageError, match="order"):
        llamawatt.run_study(made, out=tmp_path)
