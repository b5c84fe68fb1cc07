"""Physical cores as Linux shows them below /sys/devices: who shares a core, and of what kind.

The files are described in the kernel's Documentation/ABI/stable/sysfs-devices-system-cpu and
Documentation/admin-guide/cputopology.rst.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

SYSFS = Path("/sys")
SLOW_SHARE = 0.75
"""Capacity, or highest clock, below this share of the best core's marks an efficiency core: Arm's
`cpu_capacity` of little cores is under half, Intel's efficiency cores clock at 0.7 to 0.8."""
EFFICIENCY_WEIGHT = 0.3
"""Power of a busy efficiency core over that of a performance core, both at full clock. Stated:
an Intel efficiency core draws about 5 W to 7 W where a performance core draws about 20 W."""


@dataclass(frozen=True, slots=True)
class Core:
    """One physical core.

    Attributes:
        threads: Numbers of its logical CPUs that are online, rising.
        is_efficiency: Whether it is a slow core beside faster ones.
    """

    threads: tuple[int, ...]
    is_efficiency: bool = False

    @property
    def power_share(self) -> float:
        """Its share of the power, relative to a performance core."""
        return EFFICIENCY_WEIGHT if self.is_efficiency else 1.0


@dataclass(frozen=True, slots=True)
class Topology:
    """The online part of the processor.

    Attributes:
        cores: Physical cores.
        n_packages: Sockets.
        is_told: Whether the system tells which logical CPUs share a core; else it is assumed.
    """

    cores: tuple[Core, ...]
    n_packages: int = 1
    is_told: bool = True

    @property
    def n_threads(self) -> int:
        """Logical CPUs online."""
        return sum(len(core.threads) for core in self.cores)

    @property
    def n_efficiency_cores(self) -> int:
        """How many of the cores are efficiency cores."""
        return sum(core.is_efficiency for core in self.cores)

    @classmethod
    def even(cls, n_cores: int, threads_per_core: int = 1) -> "Topology":
        """Return equal cores, numbered as Linux does: first threads first, then the second ones."""
        cores = tuple(
            Core(tuple(number + n_cores * turn for turn in range(threads_per_core)))
            for number in range(n_cores)
        )
        return cls(cores)


def read_topology(sysfs_root: Path = SYSFS) -> Topology:
    """Return the physical cores; where the system does not show them, they are assumed.

    Args:
        sysfs_root: Root of sysfs.
    """
    folder = sysfs_root / "devices/system/cpu"
    numbers = online_cpus(folder)
    places = {number: place for number in numbers if (place := _place(folder, number)) is not None}
    if not places:
        return _assumed(len(numbers) or psutil.cpu_count() or 1)
    siblings: dict[tuple[int, str], list[int]] = defaultdict(list)
    for number, place in places.items():
        siblings[place].append(number)
    slow = _efficiency_cpus(sysfs_root, tuple(places))
    cores = tuple(Core(tuple(sorted(threads)), threads[0] in slow) for threads in siblings.values())
    return Topology(cores, len({package for package, _ in siblings}))


def online_cpus(folder: Path) -> tuple[int, ...]:
    """Return the numbers of the logical CPUs that are online; empty where it is not told."""
    told = cpu_list(_text(folder / "online"))
    if told:
        return told
    names = (re.fullmatch(r"cpu(\d+)", path.name) for path in folder.glob("cpu[0-9]*"))
    numbers = sorted(int(name[1]) for name in names if name)
    return tuple(n for n in numbers if _text(folder / f"cpu{n}/online") != "0")


def cpu_list(text: str) -> tuple[int, ...]:
    """Return the numbers of a kernel list, as `0-3,8`; empty for what is not such a list."""
    numbers: list[int] = []
    for part in text.split(",") if text else []:
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match is None:
            return ()
        first, last = int(match[1]), int(match[2] or match[1])
        if last - first > 1 << 16:
            return ()
        numbers.extend(range(first, last + 1))
    return tuple(sorted(set(numbers)))


def _place(folder: Path, number: int) -> tuple[int, str] | None:
    """Return package and core of a logical CPU."""
    topology = folder / f"cpu{number}/topology"
    package = _text(topology / "physical_package_id")
    told = _text(topology / "core_cpus_list") or _text(topology / "thread_siblings_list")
    shared = cpu_list(told)
    core = str(shared[0]) if shared else _text(topology / "core_id")
    if not core:
        return None
    if shared:
        return _whole(package), core
    # Cores of two dies may have one and the same number.
    die = _text(topology / "die_id")
    return _whole(package), f"{die}/{core}"


def _whole(text: str) -> int:
    return int(text) if re.fullmatch(r"-?\d+", text) else 0


def _efficiency_cpus(sysfs_root: Path, numbers: tuple[int, ...]) -> frozenset[int]:
    atoms = cpu_list(_text(sysfs_root / "devices/cpu_atom/cpus"))
    if atoms:
        return frozenset(atoms)
    folder = sysfs_root / "devices/system/cpu"
    for file in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):
        told = {n: _text(folder / f"cpu{n}/{file}") for n in numbers}
        marks = {n: int(text) for n, text in told.items() if text.isdigit()}
        if len(marks) == len(numbers):
            return _slow(marks)
    return frozenset()


def _slow(marks: Mapping[int, int]) -> frozenset[int]:
    best = max(marks.values())
    return frozenset(n for n, mark in marks.items() if mark < SLOW_SHARE * best)


def _assumed(n_threads: int) -> Topology:
    """Take what psutil knows; siblings are then taken to be neighbours, as Windows numbers them."""
    n_cores = min(psutil.cpu_count(logical=False) or n_threads, n_threads)
    each = n_threads // n_cores
    cores = [Core(tuple(range(n * each, (n + 1) * each))) for n in range(n_cores)]
    left = [Core((n,)) for n in range(n_cores * each, n_threads)]
    return Topology((*cores, *left), is_told=False)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""
