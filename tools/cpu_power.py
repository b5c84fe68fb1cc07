"""Makes the table of rated powers, `host/cpu/rated.txt`, from CodeCarbon's list of processors.

    python -m tools.cpu_power codecarbon/data/hardware/cpu_power.csv

The list (columns Name and TDP) comes with the package codecarbon; it is under the MIT licence.
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
# Rated power (TDP) of processors, in watts: WATTS<tab>FAMILY<tab>MODEL|MODEL|...
# Facts from CodeCarbon's data/hardware/cpu_power.csv, gathered there from Intel's and AMD's own
# product pages. Copyright (c) 2019 Mila, BCG Gamma, CometML, Haverford College; copyright (c) 2023
# Code Carbon NGO; MIT licence. Made by `python -m tools.cpu_power`.
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


def _vendored(name: str) -> str:
    """Return a name with its vendor; nothing for a bare number, which could be anybody's."""
    if name.startswith(VENDORS):
        return name
    return f"amd {name}" if name.startswith(AMD_FAMILIES) else ""


def written(powers_w: dict[str, float]) -> str:
    """Return the table: names grouped by power and by all words but the last."""
    groups: dict[tuple[str, float], list[str]] = defaultdict(list)
    for name, power_w in powers_w.items():
        family, _, model = name.rpartition(" ")
        if model.startswith("v") and model[1:].isdigit():  # Xeon generations
            family, _, rest = family.rpartition(" ")
            model = f"{rest} {model}"
        groups[family, power_w].append(model)
    lines = [
        f"{power_w:g}\t{family}\t{'|'.join(sorted(models))}"
        for (family, power_w), models in sorted(groups.items())
    ]
    return HEAD + "\n".join(lines) + "\n"


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("csv", type=Path)
    with parser.parse_args().csv.open(encoding="utf-8", newline="") as file:
        powers_w = entries(csv.DictReader(file))
    TABLE.write_text(written(powers_w), "utf-8")
    sys.stdout.write(f"{len(powers_w)} processors, {TABLE.stat().st_size / 1000:.0f} kB\n")


if __name__ == "__main__":
    main()
