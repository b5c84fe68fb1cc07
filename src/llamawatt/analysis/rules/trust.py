"""Rules about trust: what is modelled, what is not measured, what the trials themselves doubt."""

from collections import Counter
from collections.abc import Iterable

from llamawatt.analysis.assess import Assessment
from llamawatt.analysis.estimates.drift import autocorrelation, drift, uneven_drift
from llamawatt.analysis.rules.findings import (
    Blind,
    Doubtful,
    Failures,
    Finding,
    Gap,
    Memory,
    Modelled,
    Outliers,
    Trend,
    Wide,
)
from llamawatt.core.flags import Flag
from llamawatt.core.readings import Method

_SAID_ELSEWHERE = {Flag.MODELLED, Flag.MIXED_METHODS}


def modelled(assessment: Assessment) -> Iterable[Modelled]:
    """Say if any joule was modelled, and how large a share."""
    total = [domain for domain in assessment.machine.domains if domain.in_total]
    guessed = [domain for domain in total if domain.method is Method.MODEL]
    found = (cell.modelled_share for cell in assessment.suite_cells)
    shares = [share for share in found if share is not None]
    if guessed and shares:
        yield Modelled(
            domains=tuple(domain.name for domain in guessed),
            share=max(shares),
            gain_error=max(domain.gain_error for domain in guessed),
            measured=tuple(d.name for d in total if d.method is not Method.MODEL),
        )


def blind(assessment: Assessment) -> Iterable[Blind]:
    """Name the arms that work on a device no meter covers."""
    by_device: dict[str, list[str]] = {}
    for name in dict.fromkeys(cell.arm for cell in assessment.suite_cells):
        arm = assessment.arm(name)
        if arm is not None and (device := assessment.blind_to(arm)):
            by_device.setdefault(device, []).append(name)
    for device, names in by_device.items():
        yield Blind(tuple(names), device)


def gaps(assessment: Assessment) -> Iterable[Gap]:
    """Name what could not be metered."""
    for missing in assessment.machine.missing:
        yield Gap(missing.meter, missing.reason, missing.remedy)


def precision(assessment: Assessment) -> Iterable[Wide]:
    """Name the cells whose interval stayed wider than the protocol's target."""
    metric, target = assessment.primary_metric, assessment.study.protocol.half_width_target
    wide, widths = [], []
    for cell in assessment.suite_cells:
        made = cell.estimate(metric)
        width = None if made is None else made.relative_half_width
        if width is None or width > target:
            wide.append(f"{cell.arm} / {cell.suite}")
            widths.append(width)
    if wide:
        known = [width for width in widths if width is not None]
        n_all = len(assessment.suite_cells)
        yield Wide(metric, target, tuple(wide), n_all, max(known, default=None))


def doubts(assessment: Assessment) -> Iterable[Finding]:
    """Collect failures, outliers, trends and flags."""
    if assessment.failures:
        counted = Counter(failure.error for failure in assessment.failures)
        reasons = tuple(reason for reason, _ in counted.most_common(3))
        yield Failures(len(assessment.failures), assessment.n_trials, reasons)
    metric, found = assessment.primary_metric, assessment.suite_cells
    marked = [made.n_outliers for cell in found if (made := cell.estimate(metric)) is not None]
    if sum(marked):
        yield Outliers(metric, sum(marked), sum(cell.n for cell in found))
    trend = drift(found, metric)
    if trend is not None:
        yield Trend(trend, uneven_drift(found, metric))
    memory = autocorrelation(found, metric)
    if memory is not None and memory.is_real:
        yield Memory(memory)
    yield from _flags(assessment)


def _flags(assessment: Assessment) -> Iterable[Doubtful]:
    counted: Counter[Flag] = Counter()
    for cell in assessment.cells.values():
        counted.update(cell.flags)
    n_all = sum(cell.n for cell in assessment.cells.values())
    for flag, count in counted.items():
        if flag not in _SAID_ELSEWHERE:
            yield Doubtful(flag, count, n_all)
