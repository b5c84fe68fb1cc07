"""The Python API: `llamawatt.run_study(…)`, `llamawatt.measure()` and their like.

Importing it costs nothing: what a function needs is loaded when it is called. Errors are those of
`llamawatt.core.errors`, one class for each kind.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threading import Event

    from llamawatt.analysis.compare.runs import Comparison
    from llamawatt.app.comparing import Runs
    from llamawatt.app.measuring import Measurement
    from llamawatt.app.metering import Metering
    from llamawatt.app.observer import Observer
    from llamawatt.app.order import Order
    from llamawatt.app.serving import Serving
    from llamawatt.meters.sensors.discover import Discovery
    from llamawatt.report.forms.write import ReportFiles
    from llamawatt.runs.store import Run
    from llamawatt.study.spec import StudySpec, Value

__all__ = ["bench", "compare", "measure", "order", "read_run", "report", "run_study"]


def measure(
    idle_s: float = 0.0, meters: "Discovery | None" = None
) -> "AbstractContextManager[Measurement]":
    """Measure the energy of a block of code on this machine: `with llamawatt.measure() as m: …`.

    Args:
        idle_s: Idle measured before the block, so that the figure above idle is known too, and
            the edges of the window are more certain.
        meters: Meters to use; all that work here when None.

    Returns:
        A context manager that gives a measurement, filled when the block ends.

    Raises:
        MeterError: nothing can be measured here.
    """
    from llamawatt.app.measuring import measure as measured

    return measured(idle_s, meters)


def order(
    study: "str | Path | StudySpec",
    *,
    models: Sequence[str | Path] = (),
    serving: "Serving | None" = None,
    metering: "Metering | None" = None,
    out: Path | str | None = None,
    resume: Path | str | None = None,
    seed: int | None = None,
    protocol: Mapping[str, object] | None = None,
) -> "Order":
    """Return what shall be run, for `run_study`.

    Args:
        study: A built-in study, a YAML file, a run to repeat, or a specification.
        models: Model references, in place of the study's own.
        serving: What serves; llama.cpp as it comes with llamawatt when None.
        metering: Which meters; all that work here when None.
        out: Run directory; a new one in `llamawatt-runs` when None.
        resume: Run directory to go on with.
        seed: Seed of every random choice; the study's, else drawn, when None.
        protocol: Parts of the protocol, over the study's own, as `{"budget_s": 60}`.

    Raises:
        SpecError: the study or the protocol does not hold.
    """
    from llamawatt.app.metering import Metering
    from llamawatt.app.order import Order
    from llamawatt.app.serving import Serving
    from llamawatt.study.load import load_study, with_protocol
    from llamawatt.study.spec import StudySpec

    spec = study if isinstance(study, StudySpec) else load_study(str(study))
    return Order(
        with_protocol(spec, protocol or {}, seed),
        tuple(str(each) for each in models),
        serving or Serving(),
        metering or Metering(),
        None if out is None else Path(out),
        None if resume is None else Path(resume),
        command="llamawatt.run_study",
    )


def run_study(
    study: "str | Path | StudySpec | Order",
    observer: "Observer | None" = None,
    *,
    cancel: "Event | None" = None,
    models: Sequence[str | Path] = (),
    out: Path | str | None = None,
    protocol: Mapping[str, object] | None = None,
) -> "Run":
    """Run a study to its end and read it back.

    Args:
        study: A built-in study, a YAML file, a run to repeat, a specification; or an order made
            by `order`, which says everything else too.
        observer: Hears of it as it goes on.
        cancel: Set it from another thread to call the run off.
        models: Model references, in place of the study's own.
        out: Run directory; a new one in `llamawatt-runs` when None.
        protocol: Parts of the protocol, over the study's own.

    Raises:
        UsageError: an order is given, and beside it what belongs into it.
        Cancelled: it was called off.
        LlamawattError: something else, by kind.
    """
    from llamawatt.app.order import Order
    from llamawatt.app.running import run_study as run
    from llamawatt.core.errors import UsageError

    if not isinstance(study, Order):
        study = order(study, models=models, out=out, protocol=protocol)
    elif models or out is not None or protocol:
        raise UsageError(
            "run_study was given an order, and models, out or protocol beside it.",
            "Put them into the order.",
        )
    return run(study, observer, cancel=cancel)


def bench(
    model: str | Path | None = None,
    *,
    device: str = "all",
    suites: Iterable[str] = (),
    settings: "Mapping[str, Value] | None" = None,
    quick: bool = False,
    budget_s: float | None = None,
    serving: "Serving | None" = None,
    out: Path | str | None = None,
) -> "Run":
    """Measure what a reply costs, on the CPU and on the GPU.

    Args:
        model: A model reference; the small default model when None.
        device: `cpu`, `gpu` or `all`.
        suites: Suites, shapes or JSONL files; the three that come along when empty.
        settings: llama.cpp's settings for every arm, as `{"n_threads": 4}`.
        quick: Whether it shall end within a minute, and be less sure.
        budget_s: Time budget, seconds; none when None.
        serving: What serves; llama.cpp as it comes with llamawatt when None.
        out: Run directory; a new one in `llamawatt-runs` when None.

    Raises:
        LlamawattError: what went wrong, by kind.
    """
    from llamawatt.study.baseline import bench_study

    spec = bench_study(
        device=device,
        suites=tuple(suites),
        settings=settings or {},
        quick=quick,
        budget_s=budget_s,
    )
    models = () if model is None else (model,)
    return run_study(order(spec, models=models, serving=serving, out=out))


def read_run(path: Path | str) -> "Run":
    """Read a run directory, finished or not: its records, and `to_arrow()` and `to_pandas()`.

    Raises:
        RunDirectoryError: it holds no run, is of a newer schema, or a line in it is broken.
    """
    from llamawatt.runs.named import resolve_run
    from llamawatt.runs.store import read_run as read

    return read(resolve_run(Path(path)))


def compare(
    before: "Runs",
    after: "Runs",
    metrics: Sequence[str] = ("latency_s", "energy_j"),
    *,
    force: bool = False,
) -> "Comparison":
    """Compare runs: what changed, by how much, and whether that is beyond doubt.

    A verdict needs several runs a side, or the spread between runs that was kept on this machine.

    Args:
        before: The run to compare with, or its directory, or several; a folder of repeated runs
            stands for all of them.
        after: What is judged, likewise.
        metrics: Names of metrics, as `energy_j`.
        force: Whether even unlike runs are compared.

    Raises:
        UsageError: a metric is unknown, or the runs are unlike.
        RunDirectoryError: a directory holds no run.
    """
    from llamawatt.app.comparing import compare as compare_runs

    return compare_runs(before, after, metrics, force=force)


def report(run: "Run | Path | str", out: Path | str | None = None) -> "ReportFiles":
    """Write the report of a run: page, Markdown, figures, CSV and JSON.

    Args:
        run: The run, or its directory.
        out: Where to write; `report/` in the run directory when None.

    Raises:
        RunDirectoryError: the run could not be read, or a file not be written.
    """
    from llamawatt.report.forms.write import write_report
    from llamawatt.runs.named import resolve_run

    found = resolve_run(Path(run)) if isinstance(run, str | Path) else run
    return write_report(found, None if out is None else Path(out))
