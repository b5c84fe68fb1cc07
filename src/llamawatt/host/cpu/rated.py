"""Rated power of a processor by its name: from a table, else its product line, else its cores.

A rated power (TDP, "processor base power") is what the cooling is made for, not what is drawn;
how the two relate is `meters/sensors/cpu/curve.py`. The table is `rated.txt` beside this file: its
head names the source. It is read once, when it is first asked.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from llamawatt.host.cpu.name import plain_name

TABLE = Path(__file__).with_name("rated.txt")
LINES: tuple[tuple[str, float], ...] = (
    (r"intel (?:core )?(?:i[3579]-|ultra \d |\d )\d+k[sf]?\b", 125),
    (r"intel (?:core )?(?:i[3579]-|ultra \d |\d )\d+(?:[fe]|)\b", 65),
    (r"intel (?:core )?(?:i[3579]-|ultra \d |\d )\d+t[ef]?\b", 35),
    (r"intel (?:core )?(?:i[3579]-|ultra \d |\d )\d+hx[e]?\b", 55),
    (r"intel (?:core )?(?:i[3579]-|ultra \d |\d )\d+p[e]?\b", 28),
    (r"intel core ultra \d \d+h[e]?\b", 28),
    (r"intel (?:core )?(?:i[3579]-|\d )\d+h[kfeq]?\b", 45),
    (r"intel core ultra \d \d+v\b", 17),
    (r"intel (?:core )?(?:i[3579]-|ultra \d |\d )\d+(?:u[le]?|g[1-7])\b", 15),
    (r"intel (?:core )?(?:i[3579]-|m\d-)\d+y\d*\b", 6),
    (r"intel n\d{2,3}\b", 10),
    (r"amd ryzen threadripper", 280),
    (r"amd ryzen ai max", 55),
    (r"amd ryzen ai", 28),
    (r"amd ryzen \d (?:pro )?\d+hx(?:3d)?\b", 55),
    (r"amd ryzen \d (?:pro )?\d+h[s]?\b", 45),
    (r"amd ryzen \d (?:pro )?\d+u\b", 15),
    (r"amd ryzen \d (?:pro )?\d+ge\b", 35),
    (r"amd ryzen [79] (?:pro )?\d+x(?:3d|t)?\b", 120),
    (r"amd ryzen \d (?:pro )?\d+(?:x(?:3d|t)?|xt|gt?|f|e|)\b", 65),
    (r"intel xeon platinum", 220),
    (r"intel xeon gold", 150),
    (r"intel xeon silver", 100),
    (r"intel xeon bronze", 85),
    (r"intel xeon w", 165),
)  # fmt: skip
"""Product lines by the letters of their names, with the rated power usual in them: K 125 W, T 35 W,
U 15 W and so on, as both makers explain their suffixes. First match counts."""
SERVERS = re.compile(
    r"\bxeon\b(?! (?:e3|e-2|e-23|w-1[0-9]{3}|x?[lw]?3[0-9]{3}\b))|\bepyc\b(?! 4\d{3})|\bopteron\b"
    r"|\bthreadripper\b|\bneoverse\b|\bgraviton\b|\bampere\b|\bitanium\b"
)
ARM = re.compile(
    r"\b(?:arm|aarch|neoverse|cortex|graviton|ampere|raspberry|rockchip|snapdragon|jetson|kunpeng)"
)
W_PER_CORE = {"server": 5.0, "client": 10.0, "arm": 2.5}
"""Watts per physical core where the name tells nothing. Servers: rated power over cores is 3.8 W
(EPYC 9654) to 10 W (Xeon 8275CL); desktops: 65 W over six to ten cores; Arm boards: about 10 W
over four."""
LINE_FACTOR = 1.5
CORES_FACTOR = 2.0
"""How far such a rated power may be off, as a factor either way. Stated."""


class PowerClass(StrEnum):
    """How much of the rated power the uncore takes: server dies keep fabric and memory awake."""

    CLIENT = "client"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class RatedPower:
    """The rated power of one package.

    Attributes:
        power_w: The watts.
        source: Where they come from, in words.
        power_class: What kind of processor it is.
        factor: How far the watts may be off, as a factor either way; 1 where a table has them.
        n_cores: Physical cores of one package; None where the table does not have them.
    """

    power_w: float
    source: str
    power_class: PowerClass
    factor: float = 1.0
    n_cores: int | None = None


def rated_power(name: str, n_cores: int) -> RatedPower:
    """Return the rated power of the processor of that name.

    Args:
        name: The name as the system tells it, in any spelling.
        n_cores: Physical cores of one package, used where the name tells nothing.
    """
    plain = plain_name(name)
    power_class = PowerClass.SERVER if SERVERS.search(plain) else PowerClass.CLIENT
    found = _in_table(plain)
    if found is not None:
        known, (power_w, cores) = found
        source = f"rated power of {known}, CodeCarbon's table"
        return RatedPower(power_w, source, power_class, n_cores=cores or None)
    for pattern, power_w in LINES:
        if re.match(pattern, plain):
            source = "rated power usual in its product line"
            return RatedPower(power_w, source, power_class, LINE_FACTOR)
    per_core_w = W_PER_CORE[_core_kind(plain, power_class)]
    source = f"{per_core_w:g} W for each of its cores, as no table knows its name"
    return RatedPower(per_core_w * max(1, n_cores), source, power_class, CORES_FACTOR)


def _core_kind(plain: str, power_class: PowerClass) -> str:
    return "arm" if ARM.search(plain) else power_class.value


def _in_table(plain: str) -> tuple[str, tuple[float, int]] | None:
    """Return the name found, its watts and cores, after trying spellings that draw the same."""
    table = _table()
    for name in dict.fromkeys(_spellings(plain)):
        if name in table:
            return name, table[name]
    return None


def _spellings(plain: str) -> tuple[str, ...]:
    """Return a name and others for the same watts, the nearest first.

    F and KF lack only graphics, PRO adds management, a trailing 0 is Xeon's first version, and
    AMD tells the graphics after the processor.
    """
    no_graphics = re.sub(r"(\d)(k?)f\b", r"\1\2", plain)
    spelt = (plain, no_graphics, plain.replace(" pro ", " "), re.sub(r" 0$", "", plain))
    words = plain.split()
    shorter = tuple(" ".join(words[:end]) for end in range(len(words) - 1, 1, -1))
    vendored = tuple(f"{vendor} {name}" for vendor in ("intel", "amd") for name in spelt)
    return (*spelt, *vendored, *shorter)


@lru_cache(maxsize=1)
def _table() -> dict[str, tuple[float, int]]:
    """Name → watts and cores of one package; 0 cores where they are not known."""
    found = {}
    for line in TABLE.read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        power_w, n_cores, family, models = line.split("\t")
        for model in models.split("|"):
            found[f"{family} {model}"] = (float(power_w), int(n_cores))
    return found
