"""Logs of processors: Power Gadget, turbostat, perf stat, powerstat, powermetrics."""

import json
import plistlib
from dataclasses import replace
from datetime import datetime

from llamawatt.imports.format import Options
from tests.compatibility.logs import FLAGGED, REFUSED, WORKS, lines, log
from tests.meters.logs import Gadget

EVERY_S = Options(interval_s=1.0)
GADGET = "Intel Power Gadget"
GADGET_J = {"cpu-package-0": 50.0, "cpu-core-0": 45.0}
WINDOWS = Gadget().text()
WITH_DRAM = Gadget(dram_w=3.0).text()


def mac(text: str) -> str:
    """Quote every value, and call the package as macOS does in the footer."""
    found = []
    for line in text.splitlines():
        footer = "=" in line
        line = line.replace("Processor Energy", "Package Energy") if footer else line
        line = line.replace("Average Processor Power", "Average Package Power")
        cells = [line] if footer else line.split(",")
        found.append(",".join(f'"{cell.strip()}"' for cell in cells) if line.strip() else "")
    return "\n".join(found) + "\n"


def linux(text: str) -> str:
    """Write names with a blank before the unit, and milliseconds unpadded, as 2.2 does."""
    found = []
    for line in text.splitlines():
        if line.startswith("20:00:"):
            clock, rest = line.split(",", 1)
            head, ms = clock.rsplit(":", 1)
            line = f"{head}:{int(ms)},{rest}"
        line = line.replace("_0(", "_0 (").replace(
            "Total Elapsed Time (sec) =", "Total Elapsed Time(sec)="
        )
        if line.startswith("Cumulative"):
            line = line.replace("Cumulative", "Total").replace(" (", "(").replace(" = ", "=")
        found.append(line)
    return "\n".join(found) + "\n"


LINUX = linux(replace(Gadget(), n_rows=20, first_s=72_000.005).text())
TURBO = "turbostat"
TURBO_HEAD = "Time_Of_Day_Seconds\tCore\tCPU\tAvg_MHz\tBusy%\tPkgWatt\tCorWatt\tRAMWatt"
TURBO_ROWS = [f"1765155930.{n}00000\t-\t-\t100\t2.50\t{20 + n}.00\t10.00\t2.00" for n in range(4)]


def turbo(n: int) -> list[str]:
    at = 1765155930 + n
    return [
        f"{at}.500000\t-\t-\t100\t2.50\t{20 + n}.00\t10.00\t2.00",
        f"{at}.500000\t0\t0\t100\t2.50\t{20 + n}.00\t10.00\t2.00",
        f"{at}.500000\t0\t1\t100\t2.50",
    ]


TURBO_J = {"cpu-package-0": 86.0, "cpu-core-0": 40.0, "dram-0": 8.0}
PACKAGES = (
    "Package\tCore\tCPU\tAvg_MHz\tPkgWatt\tRAMWatt",
    *(
        row
        for _ in range(3)
        for row in (
            "-\t-\t-\t100\t100.00\t6.00",
            "0\t0\t0\t100\t60.00\t4.00",
            "0\t1\t2\t100",
            "1\t0\t1\t100\t40.00\t2.00",
            "1\t1\t3\t100",
        )
    ),
)
PERF = "perf stat -I"


def perf(n: int, pkg: str, ram: str) -> list[str]:
    return [
        f"     {n + 1}.000105430              {pkg} Joules power/energy-pkg/",
        f"     {n + 1}.000105430               {ram} Joules power/energy-ram/",
    ]


PERF_HEAD = "#           time             counts unit events"
PERF_ROWS = [row for n in range(3) for row in perf(n, f"{12 + n}.50", "0.50")]
PERF_J = {"cpu-package-0": 40.5, "dram-0": 1.5}
STAT = "powerstat"
STAT_HEAD = (
    "Running for 4.0 seconds (4 samples at 1.0 second intervals).",
    "Power measurements will start in 0 seconds time.",
    "",
    "  Time    User  Nice   Sys  Idle    IO  Run Ctxt/s  IRQ/s Fork Exec Exit  Watts",
)


def stat(n: int) -> str:
    return (
        f"11:00:0{n}   0.3   0.0   0.3  99.5   0.0    1    423    267    0    0    0   {5 + n}.50"
    )


STAT_ROWS = [stat(n) for n in range(1, 5)]
STAT_FOOT = (
    "-------- ----- ----- ----- ----- ----- ---- ------ ------ ---- ---- ---- ------ ",
    " Average   0.3   0.0   0.3  99.5   0.0  1.0  423.0  267.0  0.0  0.0  0.0   8.00 ",
    "Summary:",
)
SYSTEM = "System:   8.00 Watts on average with standard deviation 1.12  "
CPU = "CPU:   8.00 Watts on average with standard deviation 1.12  "
MACOS = "powermetrics"


def sample(n: int, *powers: str) -> str:
    return lines(
        f"*** Sampled system activity (Mon Dec  8 01:05:3{n} 2025 -0800) (1000.00ms elapsed) ***",
        "",
        "**** Processor usage ****",
        *powers,
        "",
    )


M_SERIES = "".join(
    sample(
        n,
        f"CPU Power: {1000 + 100 * n} mW",
        "GPU Power: 500 mW",
        "ANE Power: 0 mW",
        f"Combined Power (CPU + GPU + ANE): {1500 + 100 * n} mW",
        "**** GPU usage ****",
        "GPU Power: 501 mW",
    )
    for n in range(3)
)
M_J = {"cpu-package-0": 3.3, "gpu-0": 1.5, "neural-engine-0": 0.0, "combined": 4.8}
M1 = "".join(
    sample(
        n, "CPU Power: 4000 mW", "GPU Power: 500 mW", "DRAM Power: 300 mW", "Package Power: 5000 mW"
    )
    for n in range(3)
)
INTEL_MAC = "".join(
    sample(n, "Intel energy model derived package power (CPUs+GT+SA): 4.50W") for n in range(3)
)


def plist(n: int, **processor: float) -> bytes:
    return plistlib.dumps(
        {
            "elapsed_ns": 2_000_000_000,
            "timestamp": datetime(2025, 12, 8, 1, 5, 30 + 2 * n),
            "processor": processor,
        }
    )


APPLE_PLIST = b"\0".join(
    plist(n, cpu_power=1000.0, gpu_power=500.0, ane_power=0.0, combined_power=1500.0)
    for n in range(3)
)
CASES = (
    log(GADGET, "Windows, to its own totals", WINDOWS, FLAGGED, GADGET_J, said=("DRAM energy is not measured",)),
    log(GADGET, "Windows, with a DRAM counter", WITH_DRAM, WORKS, {**GADGET_J, "dram-0": 6.0}),
    log(GADGET, "Windows, decimal commas", replace(Gadget(dram_w=3.0), decimal=",").text(), WORKS, {**GADGET_J, "dram-0": 6.0}),
    log(GADGET, "Windows, rows that do not come to the totals", WITH_DRAM.replace("= 50.000000", "= 61.000000"), REFUSED, said=("its footer says 61.000 J",)),
    log(GADGET, "Windows, cut by a kill", WITH_DRAM.partition("\n\n")[0][:-40], FLAGGED, {"cpu-package-0": 47.5, "cpu-core-0": 42.75, "dram-0": 5.7}, said=("cut short",)),
    log(GADGET, "Windows, one read that cannot be true", WITH_DRAM.replace("  25.000,  25.000,", "  25.000, 425.000,"), FLAGGED, {**GADGET_J, "dram-0": 6.0}, said=("a read of cpu-package-0 that cannot be true",)),
    log(GADGET, "macOS, quoted, Package in the footer", mac(WITH_DRAM), WORKS, {**GADGET_J, "dram-0": 6.0}),
    log(GADGET, "macOS, rows that do not come to the totals", mac(WITH_DRAM).replace("= 50.000000", "= 61.000000"), REFUSED, said=("its footer says 61.000 J",)),
    log(GADGET, "Linux 2.2, milliseconds unpadded", LINUX, FLAGGED, GADGET_J),
    log(GADGET, "Linux 2.2, rows that do not come to the totals", LINUX.replace("=50.000000", "=61.000000"), REFUSED, said=("its footer says 61.000 J",)),
    log(TURBO, "Time_Of_Day_Seconds, a line for each core", lines(TURBO_HEAD, *(row for n in range(4) for row in turbo(n))), WORKS, TURBO_J),
    log(TURBO, "headers repeated, interval named", lines(*(row for n in range(4) for row in ("Avg_MHz\tBusy%\tPkgWatt\tRAMWatt", f"100\t2.5\t{20 + n}.00\t2.00"))), FLAGGED, {"cpu-package-0": 86.0, "dram-0": 8.0}, options=EVERY_S, said=("taken from what you named",)),
    log(TURBO, "no times, interval not named", lines("Avg_MHz\tBusy%\tPkgWatt", "100\t2.5\t20.00"), REFUSED, said=("--interval 5s",), note="name it with `--interval`"),
    log(TURBO, "two packages", lines(*PACKAGES), FLAGGED, {"cpu-package-0": 180.0, "cpu-package-1": 120.0, "dram-0": 12.0, "dram-1": 6.0}, options=EVERY_S),
    log(TURBO, "of a command, in joules", lines("10.000 sec", "Core\tCPU\tAvg_MHz\tBusy%\tPkg_J\tRAM_J", "-\t-\t100\t2.5\t123.40\t5.60", "0\t0\t100\t2.5\t123.40\t5.60"), WORKS, {"cpu-package-0": 123.4, "dram-0": 5.6}),
    log(PERF, "text", lines(PERF_HEAD, *PERF_ROWS), WORKS, PERF_J),
    log(PERF, "text, decimal commas, one event not counted", lines(PERF_HEAD, *PERF_ROWS).replace(".", ",").replace("0,50 Joules", "<not counted> Joules", 1), FLAGGED, {"cpu-package-0": 40.5, "dram-0": 1.0}),
    log(PERF, "-x, separated by commas", lines(*(f"{n + 1}.000105430,{12 + n}.50,Joules,power/energy-pkg/,1000104302,100.00,," for n in range(3))), FLAGGED, {"cpu-package-0": 40.5}, said=("DRAM energy is not measured",)),
    log(PERF, "text, the last line cut", lines(PERF_HEAD, *PERF_ROWS) + "     4.000105430              12", FLAGGED, PERF_J, said=("the last line is cut short",)),
    log(PERF, "--per-socket", lines(*(f"     {n + 1}.000105430 S{s}        1              {w}.50 Joules power/energy-pkg/" for n in range(3) for s, w in ((0, 12), (1, 30)))), FLAGGED, {"cpu-package-0": 37.5, "cpu-package-1": 91.5}),
    log(PERF, "JSON", lines(*(json.dumps({"interval": n + 1.0, "counter-value": f"{12 + n}.5", "unit": "Joules", "event": f"power/energy-{e}/"}) for n in range(3) for e in ("pkg", "ram"))), WORKS, {"cpu-package-0": 40.5, "dram-0": 40.5}),
    log(PERF, "the summary of a command", lines(" Performance counter stats for 'system wide':", "", "            123.40 Joules power/energy-pkg/", "              5.60 Joules power/energy-ram/", "", "      10.003 seconds time elapsed"), WORKS, {"cpu-package-0": 123.4, "dram-0": 5.6}),
    log(STAT, "by the battery, to its own mean", lines(*STAT_HEAD, *STAT_ROWS, *STAT_FOOT, SYSTEM), WORKS, {"battery": 32.0}),
    log(STAT, "by RAPL", lines(*STAT_HEAD, *STAT_ROWS, *STAT_FOOT, CPU, "Note: power read from RAPL domains: pkg-0, dram."), FLAGGED, {"cpu-package-0": 32.0}, said=("RAPL domains: pkg-0, dram",)),
    log(STAT, "lines that do not come to the mean", lines(*STAT_HEAD, *STAT_ROWS[:2], *STAT_FOOT, SYSTEM), REFUSED, said=("says 8 W on average",)),
    log(STAT, "first lines missing", lines(STAT_HEAD[3], *STAT_ROWS), REFUSED, said=("--interval 10s",), note="name it with `--interval`"),
    log(MACOS, "text, Apple silicon", M_SERIES, FLAGGED, M_J, said=("DRAM energy is not measured",)),
    log(MACOS, "text, first Apple silicon", M1, WORKS, {"cpu-package-0": 12.0, "gpu-0": 1.5, "dram-0": 0.9, "soc-0": 15.0}),
    log(MACOS, "text, Intel", INTEL_MAC, FLAGGED, {"cpu-package-0": 13.5}),
    log(MACOS, "text, last sample cut", M1 + sample(3), FLAGGED, {"cpu-package-0": 12.0, "gpu-0": 1.5, "dram-0": 0.9, "soc-0": 15.0}, said=("cut short",)),
    log(MACOS, "property lists, Apple silicon", APPLE_PLIST, FLAGGED, {"cpu-package-0": 6.0, "gpu-0": 3.0, "neural-engine-0": 0.0, "combined": 9.0}),
    log(MACOS, "property lists, Intel, the last cut", b"\0".join(plist(n, package_joules=9.0) for n in range(3)) + b"\0" + plist(3, package_joules=9.0)[:200], FLAGGED, {"cpu-package-0": 27.0}, said=("cut short",)),
)  # fmt: skip
