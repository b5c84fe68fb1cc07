"""What macOS' powermetrics writes, as text or as property lists one behind the other.

Each sample tells mean power over its own length, so joules are power times elapsed time. On Apple
silicon the powers are Apple's own model; on Intel they come from the package's counter.
"""

import plistlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from xml.parsers.expat import ExpatError

from llamawatt.core.errors import UsageError
from llamawatt.core.readings import Domain, DomainKind
from llamawatt.imports.clock_times import moment_of
from llamawatt.imports.format import Format, Options
from llamawatt.imports.intervals import Interval, energy_domain, interval_log
from llamawatt.imports.json_documents import number_at
from llamawatt.imports.left_out import LeftOut
from llamawatt.imports.recorded import ImportedLog
from llamawatt.imports.text_file import TextFile

TOOL = "powermetrics"
MODELLED = "Apple's own energy model, not a measurement."
_SAMPLE = re.compile(
    r"^\*{3} Sampled system activity \((?P<when>[^)]*)\) \((?P<ms>[\d.,]+)\s*ms elapsed\) \*{3}"
)
_POWER = re.compile(
    r"^\s*(?P<what>CPU Power|GPU Power|ANE Power|DRAM Power|Package Power|"
    r"Combined Power \([^)]*\)|Intel energy model derived package power \([^)]*\)):\s*"
    r"(?P<value>[\d.,]+)\s*(?P<unit>mW|W)\b"
)
_PLIST = re.compile(r"<\?xml.*?</plist>", re.DOTALL)
_NAMES = {
    "CPU Power": "cpu-package-0",
    "GPU Power": "gpu-0",
    "ANE Power": "neural-engine-0",
    "DRAM Power": "dram-0",
    "Package Power": "soc-0",
    "Combined": "combined",
    "Intel": "cpu-package-0",
}
_KEYS_MW = {
    "cpu_power": "cpu-package-0",
    "gpu_power": "gpu-0",
    "ane_power": "neural-engine-0",
    "dram_power": "dram-0",
    "combined_power": "combined",
}
_KINDS = {
    "cpu-package-0": DomainKind.CPU_PACKAGE,
    "gpu-0": DomainKind.GPU,
    "neural-engine-0": DomainKind.OTHER,
    "dram-0": DomainKind.DRAM,
    "soc-0": DomainKind.SOC,
    "combined": DomainKind.SOC,
}
COMBINED = "combined"


def _recognise(file: TextFile) -> bool:
    head = file.head(200)
    is_plist = any("<plist" in line for line in head) and "elapsed_ns" in file.text
    return is_plist or any(_SAMPLE.match(line) for line in head)


def _read(file: TextFile, _: Options) -> ImportedLog:
    left_out = LeftOut("sample")
    is_plist = "<plist" in file.text
    samples = list(_plist_samples(file, left_out) if is_plist else _text_samples(file, left_out))
    end_s, began = 0.0, None
    intervals = []
    for number, when, length_s, energy_j in samples:
        began = began or when
        end_s += length_s
        intervals.append(Interval(number, end_s, length_s, energy_j))
    if not intervals:
        raise UsageError(
            f"{file.path} has no sample with a power.",
            "Record it with sudo powermetrics --samplers cpu_power,gpu_power -o FILE.",
        )
    names = dict.fromkeys(name for each in intervals for name in each.energy_j)
    domains = [_domain(name, names) for name in names]
    return interval_log(file, TOOL, domains, intervals, left_out, started_at=began)


def _domain(name: str, names: Mapping[str, object]) -> Domain:
    """Return what a name stands for; totals beside their parts are not summed again."""
    is_sum = name == COMBINED
    is_intel = set(names) <= {"cpu-package-0", "gpu-0"} and COMBINED not in names
    in_total = not is_sum and ("soc-0" not in names or name in {"soc-0", "dram-0"})
    if is_sum:
        note = "CPU, GPU and neural engine together, as powermetrics adds them."
    else:
        note = "The processor package." if is_intel else MODELLED
    return energy_domain(
        TOOL, name, _KINDS[name], in_total=in_total, note=note, gain_error=0.05 if is_intel else 0.2
    )


Sample = tuple[int, datetime | None, float, dict[str, float]]


def _text_samples(file: TextFile, left_out: LeftOut) -> Iterator[Sample]:
    """Yield number, time, length and energies of each sample of a text."""
    number, length_s, when = 0, 0.0, None
    power_w: dict[str, float] = {}
    for line in (*file.lines, ""):
        head = _SAMPLE.match(line)
        if head is not None:
            if number:
                yield from _whole(number, when, length_s, power_w, left_out)
            number, power_w = number + 1, {}
            when, length_s = _when(head["when"]), _float(head["ms"]) / 1000
            continue
        match = _POWER.match(line)
        if match is not None and number:
            name = next(name for key, name in _NAMES.items() if match["what"].startswith(key))
            scale = 1e-3 if match["unit"] == "mW" else 1.0
            # The GPU's own section repeats its power; the first is of the same sum as the rest.
            power_w.setdefault(name, _float(match["value"]) * scale)
    if number:
        yield from _whole(number, when, length_s, power_w, left_out)


def _whole(
    number: int,
    when: datetime | None,
    length_s: float,
    power_w: Mapping[str, float],
    left_out: LeftOut,
) -> Iterator[Sample]:
    if power_w and length_s > 0:
        yield number, when, length_s, {name: w * length_s for name, w in power_w.items()}
    else:
        left_out.add(number, "no power, or cut short")


def _plist_samples(file: TextFile, left_out: LeftOut) -> Iterator[Sample]:
    """Yield number, time, length and energies of each property list."""
    text = file.text
    starts = text.count("<?xml")
    number = 0
    for number, match in enumerate(_PLIST.finditer(text), start=1):
        try:
            told = plistlib.loads(match[0].replace("\0", "").encode())
        except (
            ValueError,
            ExpatError,
            plistlib.InvalidFileException,
            AttributeError,
            TypeError,
            LookupError,
        ):
            left_out.add(number, "a broken property list")
            continue
        length_ns = number_at(told, "elapsed_ns")
        energy_j = _plist_energies_j(told, (length_ns or 0.0) * 1e-9)
        if not length_ns or length_ns <= 0 or not energy_j:
            left_out.add(number, "no power, or no length")
            continue
        when = told.get("timestamp")
        yield number, when if isinstance(when, datetime) else None, length_ns * 1e-9, energy_j
    for cut in range(number + 1, starts + 1):
        left_out.add(cut, "cut short")


def _plist_energies_j(told: object, length_s: float) -> dict[str, float]:
    joules = number_at(told, "processor", "package_joules")
    watts = number_at(told, "processor", "package_watts")
    if joules is not None:
        return {"cpu-package-0": joules}
    if watts is not None:
        return {"cpu-package-0": watts * length_s}
    found = {}
    for key, name in _KEYS_MW.items():
        power_mw = number_at(told, "processor", key)
        if power_mw is not None:
            found[name] = power_mw * 1e-3 * length_s
    return found


def _when(text: str) -> datetime | None:
    return moment_of(re.sub(r"\s+", " ", text.strip()))


def _float(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return 0.0


FORMAT = Format("powermetrics", "what macOS' powermetrics writes", _recognise, _read)
