"""Opens a search's windows on this machine for `tuner.py`: real servers, real meters."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from llamawatt.app.assemble import make_rig, now_text
from llamawatt.app.instruments import open_instruments
from llamawatt.app.machine_record import machine_record
from llamawatt.app.metering import Metering
from llamawatt.app.observer import Silent
from llamawatt.app.serving import Serving
from llamawatt.core.plan import StudyRecord
from llamawatt.core.trials import SCHEMA
from llamawatt.host.other_load import SystemCompany
from llamawatt.meters.sensors.discover import gpus
from llamawatt.runs.store import RunWriter
from llamawatt.study.plan import Plan
from llamawatt.tune.running import supply_now
from llamawatt.tune.setup.preparing import Prepared
from llamawatt.tune.setup.script import tuning_protocol
from llamawatt.tune.windows import Windows


@contextmanager
def opened(ready: Prepared, path: Path) -> Iterator[Windows]:
    """Open meters and a run directory; the server that runs is stopped at the end."""
    with ExitStack() as stack:
        want_gpu = ready.bench.has_gpu
        bench = stack.enter_context(
            open_instruments(Metering(), want_gpu=want_gpu, own_cpu_only=True)
        )
        study = StudyRecord(
            SCHEMA,
            "tuner",
            1,
            tuple(each.record for each in ready.models.values()),
            (),
            ready.script.records,
            ready.script.long,
            bench.boundary,
            created_at=now_text(),
        )
        machine = machine_record(bench, gpus(want_gpu=want_gpu), "embedded")
        writer = RunWriter.create(path, study, machine)
        stack.callback(writer.close)
        plan = Plan(study, tuning_protocol(ready.asked.budget_s), (), ready.models, {})
        windows = Windows(
            make_rig(bench, plan, Serving()),
            writer,
            study,
            ready.space,
            ready.bench,
            ready.script,
            SystemCompany(),
            Silent(),
            supply_now,
            lambda _: {},
            lambda _: None,
        )
        stack.callback(windows.close)
        yield windows
