"""The CPU estimate on trial: measured package power against load, of processors named in the files.

    python benchmarks/cpu_model.py FILE.csv... [--cores N] [--min-load 20]

Each file is a table with the columns cpu_name, load_type (all_cores: every thread busy for part
of the time; some_cores: some threads busy all the time), cores_used (busy threads), cpu_load (% of
all threads) and rapl_power (W), as CodeCarbon publishes its measurements. Where rapl_energy (kWh)
and duration (s) are there too, energy over time is a second truth: in the published files
rapl_power is the power of the step before.

Beside the estimate stand two rules of CodeCarbon on the same points: half the rated power, and
rated power x (0.1 + 0.9 load^3).
"""

import argparse
import csv
import math
import re
import statistics
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from llamawatt.core.format import number_text, percent_text
from llamawatt.host.cpu.name import plain_name
from llamawatt.host.cpu.rated import rated_power
from llamawatt.host.cpu.topology import Core, Topology
from llamawatt.meters.sensors.cpu.model import Processor, rated_model

HEAD = ("processor", "truth", "rule", "points", "bound", "inside", "median true/model", "worst")
J_PER_KWH = 3.6e6
RULE_FACTOR = 1.8
"""The bound that the rules are held to: they state none."""
SINGLE_THREAD = re.compile(
    r"core i5-[2-9]\d{3}[kfst]*$|core i3-[89]\d{3}|core i7-97\d{2}[kft]*$|ryzen 3 [12]\d00$"
    r"|celeron|pentium [gj]|core 2|apple|neoverse"
)
"""Processors with one thread a core; the files name threads only."""


@dataclass(frozen=True, slots=True)
class Point:
    """One measured level of load.

    Attributes:
        cpu: Name of the processor.
        n_threads: Logical CPUs of the processor.
        part_time: Whether all threads were busy for part of the time.
        n_busy: Busy threads.
        load: Busy share of all threads, 0..1.
        truths_w: Measured watts, by name of the column or way.
    """

    cpu: str
    n_threads: int
    part_time: bool
    n_busy: int
    load: float
    truths_w: dict[str, float]


@dataclass(frozen=True, slots=True)
class Guess:
    """What a rule says of a point: watts, and the factor either way that it states."""

    power_w: float
    factor: float


Rule = Callable[[Point], Guess]


def read_points(path: Path) -> list[Point]:
    """Return the levels of a file.

    Raises:
        ValueError: it is not such a table.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise ValueError(f"{path} has no rows")
    try:
        n_threads = max(int(row["cores_used"]) for row in rows)
        return [_point(row, n_threads) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a table of power against load ({error!r})") from error


def whole(points: list[Point]) -> list[Point]:
    """Return the points with all threads of their processor: a file may use only some."""
    most = {p.cpu: max(q.n_threads for q in points if q.cpu == p.cpu) for p in points}
    return [replace(point, n_threads=most[point.cpu]) for point in points]


def _point(row: dict[str, str], n_threads: int) -> Point:
    truths_w = {"rapl_power": float(row["rapl_power"])}
    if row.get("rapl_energy") and row.get("duration"):
        energy_j = float(row["rapl_energy"]) * J_PER_KWH
        truths_w["rapl_energy / duration"] = energy_j / float(row["duration"])
    return Point(
        cpu=row["cpu_name"],
        n_threads=n_threads,
        part_time=row["load_type"] == "all_cores",
        n_busy=int(row["cores_used"]),
        load=float(row["cpu_load"]) / 100,
        truths_w=truths_w,
    )


def topology_of(point: Point, n_cores: int | None) -> Topology:
    """Return the cores of a point's machine: as told, by its name, else two threads a core.

    More threads than one package of that name can have are those of several packages.
    """
    named = re.search(r"(\d+)-core", point.cpu.lower())
    single = SINGLE_THREAD.search(plain_name(point.cpu)) or point.n_threads % 2
    threads_per_core = 1 if single else 2
    usual = max(1, point.n_threads // threads_per_core)
    of_package = int(named[1]) if named else rated_power(point.cpu, usual).n_cores or usual
    n_packages = max(1, point.n_threads // (of_package * threads_per_core))
    cores = min(n_cores or of_package * n_packages, point.n_threads)
    even = Topology.even(cores, max(1, point.n_threads // cores))
    return replace(even, n_packages=1 if n_cores else n_packages)


def estimate(n_cores: int | None) -> Rule:
    """Return llamawatt's own rule."""

    def rule(point: Point) -> Guess:
        topology = topology_of(point, n_cores)
        model = rated_model(Processor(point.cpu, topology))
        power_w = model.power_w(_shares(point, topology.cores))
        return Guess(power_w, model.estimate.factor(power_w))

    return rule


def _shares(point: Point, cores: tuple[Core, ...]) -> dict[int, float]:
    """Return each thread's busy share: spread evenly, or first one thread of every core."""
    numbers = [n for turn in zip(*(core.threads for core in cores), strict=True) for n in turn]
    if point.part_time:
        return dict.fromkeys(numbers, point.load)
    return dict.fromkeys(numbers[: point.n_busy], 1.0)


def half_rated(point: Point) -> Guess:
    """Return CodeCarbon's constant."""
    return Guess(0.5 * _rated_w(point), RULE_FACTOR)


def cubic(point: Point) -> Guess:
    """Return CodeCarbon's cubic rule."""
    return Guess(_rated_w(point) * (0.1 + 0.9 * point.load**3), RULE_FACTOR)


def _rated_w(point: Point) -> float:
    packages = topology_of(point, None).n_packages
    return packages * rated_power(point.cpu, max(1, point.n_threads // 2)).power_w


def judged(points: Iterable[Point], rule: Rule, truth: str) -> dict[str, str]:
    """Return what a rule is worth on points, in columns."""
    ratios, inside, factors = [], [], []
    for point in points:
        guess = rule(point)
        ratio = point.truths_w[truth] / guess.power_w
        ratios.append(ratio)
        factors.append(guess.factor)
        inside.append(abs(math.log(ratio)) <= math.log(guess.factor))
    worst = max(ratios, key=lambda ratio: abs(math.log(ratio)))
    return {
        "points": str(len(ratios)),
        "bound": f"×/÷ {min(factors):.2f}-{max(factors):.2f}",
        "inside": percent_text(sum(inside) / len(inside), 3),
        "median true/model": number_text(statistics.median(ratios)),
        "worst": number_text(worst),
    }


def lines(points: list[Point], n_cores: int | None) -> Iterable[str]:
    """Return the table: per processor and for all, each rule against each truth."""
    rules: dict[str, Rule] = {
        "llamawatt": estimate(n_cores), "half rated power": half_rated, "cubic rule": cubic
    }  # fmt: skip
    groups = {cpu: [p for p in points if p.cpu == cpu] for cpu in {p.cpu: 0 for p in points}}
    if len(groups) > 1:
        groups["all"] = points
    rows = [HEAD]
    for truth in dict.fromkeys(name for point in points for name in point.truths_w):
        for cpu, some in groups.items():
            told = [point for point in some if point.truths_w.get(truth, 0) > 0]
            if told:
                rows += [(cpu, truth, name, *judged(told, rule, truth).values())
                         for name, rule in rules.items()]  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.csv")
    parser.add_argument("--cores", type=int, help="physical cores, where the name does not tell")
    parser.add_argument("--min-load", type=float, default=20.0, help="least load that counts, %%")
    asked = parser.parse_args()
    try:
        found = [point for path in asked.files for point in read_points(path)]
    except (OSError, ValueError) as error:
        print(f"cpu_model: {error}", file=sys.stderr)
        return 2
    points = [p for p in whole(found) if p.load * 100 >= asked.min_load]
    if not points:
        print(f"cpu_model: no point has a load of {asked.min_load:g} % or more", file=sys.stderr)
        return 2
    for cpu in dict.fromkeys(point.cpu for point in points):
        some = next(point for point in points if point.cpu == cpu)
        topology = topology_of(some, asked.cores)
        n_packages = topology.n_packages
        rated = rated_power(cpu, len(topology.cores) // n_packages)
        times = f"{n_packages} packages of " if n_packages > 1 else ""
        print(f"{cpu}: {times}{rated.power_w:g} W ({rated.source}), "
              f"{len(topology.cores)} cores, {topology.n_threads} threads")  # fmt: skip
    print()
    for line in lines(points, asked.cores):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
