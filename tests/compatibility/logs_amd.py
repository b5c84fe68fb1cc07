"""Logs of nvidia-smi dmon, amd-smi, rocm-smi, GPU-Z and tegrastats."""

import json

from llamawatt.imports.format import Options
from tests.compatibility.logs import FLAGGED, REFUSED, WORKS, lines, log

EVERY_S = Options(interval_s=1.0)
DMON = "nvidia-smi dmon"
DMON_HEAD = (
    "# gpu    pwr  gtemp  mtemp     sm    mem   mclk   pclk",
    "# Idx      W      C      C      %      %    MHz    MHz",
)
TIMED_HEAD = (
    "#Date       Time        gpu    pwr  gtemp  mtemp     sm    mem   mclk   pclk",
    "#YYYYMMDD   HH:MM:SS    Idx      W      C      C      %      %    MHz    MHz",
)


def dmon(card: int, power_w: object) -> str:
    return f"    {card}    {power_w}     40      -      0      0   9501   1695"


ONE_DMON = [dmon(0, w) for w in (40, 41, 42, 43)]
DMON_J = {"gpu-0": 124.5}
TIMED = [f" 20251208   01:05:3{n}  {dmon(0, 40 + n)}" for n in range(4)]
AMD = "amd-smi"
AMD_HEAD = "timestamp,gpu,gfx_activity,socket_power,gfx_voltage,edge"
AMD_ROWS = [f"{1789515524 + n},0,95,{100 + 10 * n},850,55" for n in range(4)]
AMD_J = {"gpu-0": 345.0}
MONITOR = (
    "TIMESTAMP  GPU  XCP  POWER  PWR_CAP   GPU_T",
    *(
        f"{1786038263 + n}    {i}    0  {w} W    750 W   58 °C"
        for n in range(3)
        for i, w in ((0, 120 + n), (1, 60))
    ),
)


def amd_json(n: int, watts: object) -> dict[str, object]:
    return {
        "timestamp": 1789515524 + n,
        "gpu": 0,
        "power": {"socket_power": {"value": watts, "unit": "W"}},
    }


ROCM = "rocm-smi --showpower"
CSV = ("device,Average Graphics Package Power (W)", "card0,35.0", "card1,50.0", "")
ROCM_J = {"gpu-0": 105.0, "gpu-1": 150.0}


def rocm_text(watts: float) -> str:
    return lines(
        "======================= ROCm System Management Interface =======================",
        f"GPU[0]\t\t: Average Graphics Package Power (W): {watts}",
        "GPU[0]\t\t: GPU use (%): 97",
        "============================= End of ROCm SMI Log ==============================",
    )


GPU_Z = "GPU-Z"
GPU_Z_HEAD = "        Date        , GPU Clock [MHz] , GPU Temperature [°C] , Board Power Draw [W] , GPU Chip Power Draw [W] ,"
GPU_Z_ROWS = [f"2025-12-08 01:05:3{n} ,  1777.0 ,  45.2 ,  {40 + n}.5 ,  30.1 ," for n in range(4)]
GPU_Z_J = {"gpu-0": 126.0}
TEGRA = "tegrastats"
ORIN = [
    f"12-08-2025 01:05:3{n} RAM 3012/7764MB (lfb 4x4MB) SWAP 0/3882MB CPU [5%@729,off] GR3D_FREQ 0% cpu@48.5C VDD_IN {5000 + 100 * n}mW/5000mW VDD_CPU_GPU_CV 1000mW/1000mW VDD_SOC 1500mW/1500mW"
    for n in range(4)
]
NANO = [
    f"RAM 1655/3956MB (lfb 311x4MB) SWAP 0/1978MB IRAM 0/252kB(lfb 252kB) CPU [12%@102] GR3D_FREQ 0%@76 PLL@36.5C POM_5V_IN {2000 + n}/2001 POM_5V_GPU 80/80 POM_5V_CPU 300/300"
    for n in range(4)
]
AGX = [
    f"12-08-2025 01:05:3{n} RAM 3012/30536MB (lfb 4x4MB) CPU [5%@729] GR3D_FREQ 0% VDD_GPU_SOC 2400mW/2400mW VDD_CPU_CV 800mW/800mW VIN_SYS_5V0 3000mW/3000mW"
    for n in range(4)
]
CASES = (
    log(DMON, "one card, interval named", lines(*DMON_HEAD, *ONE_DMON), FLAGGED, DMON_J, options=EVERY_S, said=("taken to be 1 s apart",)),
    log(DMON, "one card, interval not named", lines(*DMON_HEAD, *ONE_DMON), REFUSED, said=("--interval 1s",), note="name it with `--interval`, or log with `-o DT`"),
    log(DMON, "with -o DT, headers repeated", lines(*TIMED_HEAD, *TIMED[:2], *TIMED_HEAD, *TIMED[2:]), WORKS, DMON_J),
    log(DMON, "with -o T, past midnight", lines("#Time        gpu    pwr  gtemp", "#HH:MM:SS    Idx      W      C", *(f" {t}   0  {w}  40" for t, w in (("23:59:58", 40), ("23:59:59", 41), ("00:00:00", 42), ("00:00:01", 43)))), WORKS, DMON_J),
    log(DMON, "several cards", lines(*DMON_HEAD, *(dmon(i, w) for n in range(3) for i, w in ((0, 40 + n), (1, 90)))), FLAGGED, {"gpu-0": 82.0, "gpu-1": 180.0}, options=EVERY_S),
    log(DMON, "no power in one line", lines(*TIMED_HEAD, *TIMED[:2], " 20251208   01:05:31  " + dmon(0, "-"), *TIMED[2:]), FLAGGED, DMON_J, said=("no power (line 5)",)),
    log(AMD, "metric --csv, watched, with its greeting", lines("'CTRL' + 'C' to stop watching output:", AMD_HEAD, *AMD_ROWS[:2], AMD_HEAD, *AMD_ROWS[2:]), WORKS, AMD_J),
    log(AMD, "metric --csv, several GPUs, N/A", lines(AMD_HEAD, *(row for pair in zip(AMD_ROWS, (r.replace(",0,95", ",1,N/A") for r in AMD_ROWS), strict=True) for row in pair)), WORKS, {"gpu-0": 345.0, "gpu-1": 345.0}),
    log(AMD, "metric --csv without times, interval not named", lines("gpu,socket_power", "0,100", "0,110"), REFUSED, said=("--interval",), note="name it with `--interval`"),
    log(AMD, "monitor, as columns", lines(*MONITOR), WORKS, {"gpu-0": 242.0, "gpu-1": 120.0}),
    log(AMD, "monitor, no power at all", lines(MONITOR[0], "1786038263    0    0    N/A    N/A   58 °C", "1786038264    0    0    N/A    N/A   58 °C"), REFUSED, said=("no power in any line",)),
    log(AMD, "metric --json, one document a look", "\n".join(json.dumps([amd_json(n, 100 + 10 * n)]) for n in range(4)), WORKS, AMD_J),
    log(AMD, "metric --json, wrapped, last one cut", "\n".join(json.dumps({"gpu_data": [amd_json(n, 100 + 10 * n)]}, indent=1) for n in range(4)) + '\n{"gpu_data": [{"gp', FLAGGED, AMD_J, said=("a broken JSON document",)),
    log(ROCM, "CSV again and again, interval named", lines(*CSV * 4), FLAGGED, ROCM_J, options=EVERY_S),
    log(ROCM, "CSV again and again, interval not named", lines(*CSV * 4), REFUSED, said=("--interval",), note="name it with `--interval`"),
    log(ROCM, "text, with date before each look", "".join(f"2025-12-08 01:05:3{n}\n" + rocm_text(30.0 + n) for n in range(4)), WORKS, {"gpu-0": 94.5}),
    log(ROCM, "text, interval named", "".join(rocm_text(30.0 + n) for n in range(4)), FLAGGED, {"gpu-0": 94.5}, options=EVERY_S),
    log(ROCM, "JSON again and again, interval named", "\n".join(json.dumps({f"card{i}": {"Current Socket Graphics Package Power (W)": str(w)} for i, w in ((0, 35.0), (1, 50.0))}) for _ in range(4)), FLAGGED, ROCM_J, options=EVERY_S),
    log(GPU_Z, "in Windows' Latin alphabet", lines(GPU_Z_HEAD, *GPU_Z_ROWS).encode("cp1252"), WORKS, GPU_Z_J, said=("The whole board",)),
    log(GPU_Z, "sessions one behind the other", lines(GPU_Z_HEAD, *GPU_Z_ROWS[:2], GPU_Z_HEAD, *GPU_Z_ROWS[2:]), WORKS, GPU_Z_J),
    log(GPU_Z, "chip power alone", lines(GPU_Z_HEAD.replace(" Board Power Draw [W] ,", ""), *(f"2025-12-08 01:05:3{n} ,  1777.0 ,  45.2 ,  30.0 ," for n in range(3))), WORKS, {"gpu-0": 60.0}, said=("memory and regulators are not in it",)),
    log(GPU_Z, "power as a share of TDP alone", lines("Date , GPU Clock [MHz] , Power Consumption (%) [% TDP] ,", "2025-12-08 01:05:30 , 1777.0 , 43.1 ,"), REFUSED, said=("share of the card's limit",), note="log Board Power Draw"),
    log(TEGRA, "Orin, with times", lines(*ORIN), WORKS, {"soc-0": 15.45, "gpu-0": 3.0, "rail-vdd_soc": 4.5}),
    log(TEGRA, "Nano, no times, interval named", lines(*NANO), FLAGGED, {"soc-0": 6.0045, "gpu-0": 0.24, "cpu-package-0": 0.9}, options=EVERY_S),
    log(TEGRA, "Nano, no times, interval not named", lines(*NANO), REFUSED, said=("--interval",), note="name it with `--interval`"),
    log(TEGRA, "AGX, rails beside each other, last line cut", lines(*AGX) + AGX[0].replace(":30 ", ":34 ")[:100], FLAGGED, {"gpu-0": 7.2, "cpu-package-0": 2.4, "rail-vin_sys_5v0": 9.0}),
)  # fmt: skip
