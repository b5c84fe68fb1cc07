"""Makes the table of rated powers, `host/cpu/rated.txt`, from CodeCarbon's lists of processors.

    python -m tools.cpu_power codecarbon/data/hardware/cpu_power.csv --cores DATASETS

DATASETS are the files of codecarbon/data/hardware/cpu_dataset_builder.

The first list (columns Name and TDP) has the powers, the others the cores of a package. They are
under the MIT licence.
"""

import argparse
import csv
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from llamawatt.host.cpu.name import plain_name
from llamawatt.host.cpu.rated import TABLE

HEAD = """\
# Rated power (TDP) and cores of processors: WATTS<tab>CORES<tab>FAMILY<tab>MODEL|MODEL|...
# CORES is 0 where the lists do not have it.
# Facts from CodeCarbon's data/hardware (cpu_power.csv, cpu_dataset_builder), gathered there from
# Intel's and AMD's own product pages. Copyright (c) 2019 Mila, BCG Gamma,
# CometML, Haverford College; copyright (c) 2023 Code Carbon NGO; MIT licence.
# Made by `python -m tools.cpu_power`.
"""
MAX_W = 1000.0
VENDORS = ("intel ", "amd ", "apple ")
AMD_FAMILIES = ("a4", "a6", "a8", "a9", "a10", "a12", "athlon", "e1", "e2", "fx", "phenom")


def entries(rows: Iterable[dict[str, str]]) -> dict[str, float]:
    """Return watts by name in the table's spelling; rows without one clear figure are left out."""
    found: dict[str, float] = {}
    for row in rows:
        name = _vendored(plain_name(row["Name"]))
        try:
            power_w = float(row["TDP"])
        except ValueError:
            continue
        if name and 0 < power_w < MAX_W:
            found.setdefault(name, power_w)
    return found


def cores_of(rows: Iterable[dict[str, str]]) -> dict[str, int]:
    """Return cores of a package by name in the table's spelling."""
    found: dict[str, int] = {}
    for row in rows:
        given = row.get("cpu_name") or row.get("Name") or ""
        count = row.get("total_cores") or row.get("# of CPU Cores") or ""
        name = _vendored(plain_name(given))
        if name and count.isdigit() and int(count):
            found.setdefault(name, int(count))
    return found


def _vendored(name: str) -> str:
    """Return a name with its vendor; nothing for a bare number, which could be anybody's."""
    if name.startswith(VENDORS):
        return name
    return f"amd {name}" if name.startswith(AMD_FAMILIES) else ""


def written(powers_w: dict[str, float], cores: dict[str, int]) -> str:
    """Return the table: names grouped by power, cores and all words but the last."""
    groups: dict[tuple[str, float, int], list[str]] = defaultdict(list)
    for name, power_w in powers_w.items():
        family, _, model = name.rpartition(" ")
        if model.startswith("v") and model[1:].isdigit():  # Xeon generations
            family, _, rest = family.rpartition(" ")
            model = f"{rest} {model}"
        groups[family, power_w, cores.get(name, 0)].append(model)
    lines = [
        f"{power_w:g}\t{n_cores}\t{family}\t{'|'.join(sorted(models))}"
        for (family, power_w, n_cores), models in sorted(groups.items())
    ]
    return HEAD + "\n".join(lines) + "\n"


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("csv", type=Path)
    parser.add_argument("--cores", nargs="*", type=Path, default=[])
    given = parser.parse_args()
    powers_w = entries(_rows(given.csv))
    cores = {name: count for path in given.cores for name, count in cores_of(_rows(path)).items()}
    TABLE.write_text(written(powers_w, cores), "utf-8")
    n_known = sum(name in cores for name in powers_w)
    size_kb = TABLE.stat().st_size / 1000
    sys.stdout.write(f"{len(powers_w)} processors, {n_known} with cores, {size_kb:.0f} kB\n")


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    main()
