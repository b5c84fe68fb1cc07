"""Logs of whole machines: HWiNFO, Home Assistant, CodeCarbon, llama-bench, and what is no log."""

import json

from llamawatt.imports.format import Options
from tests.compatibility.logs import FLAGGED, REFUSED, WORKS, lines, log

HWINFO = "HWiNFO"
HW_HEAD = 'Date,Time,"Core Temperatures (avg) [°C]","CPU Package Power [W]","IA Cores Power [W]","Total DRAM Power [W]","GPU Power [W]","GPU Power [W]","Thermal Throttling [Yes/No]",'
HW_ROWS = [
    f"8.12.2025,1:05:3{n}.500,45,{20 + n}.000,10.000,2.000,{40 + n}.000,5.000,No," for n in range(4)
]
HW_NAMES = ',,"CPU [#0]: Intel Core i5","CPU [#0]: Intel Core i5","CPU [#0]: Intel Core i5","CPU [#0]: Intel Core i5","GPU [#0]: NVIDIA GeForce RTX 3060","GPU [#1]: Intel UHD Graphics 730","CPU [#0]",'
HW_J = {"cpu-package-0": 64.5, "cpu-core-0": 30.0, "dram-0": 6.0, "gpu-0": 124.5, "gpu-1": 15.0}
RADEON = (
    'Date,Time,"CPU Package Power [W]","GPU ASIC Power [W]","Total Board Power (TBP) [W]"',
    *(f"8.12.2025,1:05:3{n}.500,20.0,100.0,150.0" for n in range(3)),
)
HASS = "Home Assistant"
HASS_HEAD = "entity_id,state,last_changed"
PLUG = [
    "sensor.pc_power,100,2025-12-08T01:00:00.000Z",
    "sensor.pc_power,60,2025-12-08T01:00:10.000Z",
    "sensor.pc_power,80,2025-12-08T01:00:30.000Z",
    "sensor.pc_power,80.5,2025-12-08T01:01:00.000Z",
]
PLUG_J = {"wall": 100 * 10 + 60 * 20 + 80 * 30.0}
METER = [f"sensor.pc_energy,{12 + n / 1000},2025-12-08T01:0{n}:00.000Z" for n in range(4)]


def state(value: str, second: int, **more: object) -> dict[str, object]:
    return {"state": value, "last_changed": f"2025-12-08T01:00:{second:02}+00:00", **more}


HISTORY = [[
    state("0.1", 0, entity_id="sensor.desk", attributes={"unit_of_measurement": "kW", "device_class": "power"}),
    state("0.06", 10), state("unavailable", 20), state("0.08", 30), state("0.08", 50),
]]  # fmt: skip
CARBON = "CodeCarbon"
CC_HEAD = "timestamp,project_name,run_id,experiment_id,duration,emissions,emissions_rate,cpu_power,gpu_power,ram_power,cpu_energy,gpu_energy,ram_energy,energy_consumed,country_name"


def carbon(
    at: str,
    run: str,
    length_s: float,
    cpu: float,
    gpu: float,
    ram: float,
    whole: float | None = None,
) -> str:
    parts_kwh = [
        each / 3.6e6 for each in (cpu, gpu, ram, cpu + gpu + ram if whole is None else whole)
    ]
    return f'{at},p,{run},e,{length_s},0.1,0.01,42.5,0.0,10.0,{",".join(map(repr, parts_kwh))},"Korea, Republic of"'


CC_J = {"cpu-package-0": 1000.0, "gpu-0": 5000.0, "dram-0": 200.0}
BENCH = "llama-bench"


def bench(n_prompt: int, n_gen: int, speed: float) -> dict[str, object]:
    return {
        "build_commit": "abc",
        "model_type": "llama 1B Q4_0",
        "n_prompt": n_prompt,
        "n_gen": n_gen,
        "n_depth": 0,
        "test_time": "2025-12-08T01:05:35Z",
        "avg_ns": 1,
        "avg_ts": speed,
        "stddev_ts": 0.5,
    }


NO_ENERGY = "records no energy"
CASES = (
    log(HWINFO, "Latin-1, twin columns, devices in the footer", lines(HW_HEAD, *HW_ROWS, HW_HEAD, HW_NAMES).encode("latin-1"), WORKS, HW_J, said=("'GPU Power [W]' more than once",)),
    log(HWINFO, "Latin-1, twin columns, no footer", lines(HW_HEAD, *HW_ROWS).encode("latin-1"), WORKS, HW_J),
    log(HWINFO, "Radeon: the widest of its powers", lines(*RADEON), FLAGGED, {"cpu-package-0": 40.0, "gpu-0": 300.0}, said=("DRAM energy is not measured",)),
    log(HWINFO, "past midnight", lines(RADEON[0], "8.12.2025,23:59:59.500,20.0,100.0,150.0", "9.12.2025,0:00:00.500,20.0,100.0,150.0"), FLAGGED, {"cpu-package-0": 20.0, "gpu-0": 150.0}),
    log(HWINFO, "cut by a kill", lines(HW_HEAD, *HW_ROWS) + HW_ROWS[3][:30], FLAGGED, HW_J, said=("cut short",)),
    log(HWINFO, "no power among its sensors", lines('Date,Time,"CPU [°C]"', "8.12.2025,1:05:30.500,45"), REFUSED, said=("has no column of power",)),
    log(HASS, "CSV of a power sensor; a power holds until the next", lines(HASS_HEAD, *PLUG), FLAGGED, PLUG_J, said=("taken to be in watts",), note="units are not in the file; `--unit` names them"),
    log(HASS, "CSV of a power sensor, unit named", lines(HASS_HEAD, *PLUG), WORKS, PLUG_J, options=Options(unit="W")),
    log(HASS, "CSV of an energy sensor", lines(HASS_HEAD, *METER), FLAGGED, {"wall": 3 * 3600.0}, said=("taken to be in kilowatt-hours",)),
    log(HASS, "CSV with times at which it was unavailable", lines(HASS_HEAD, *PLUG[:2], "sensor.pc_power,unavailable,2025-12-08T01:00:20.000Z", *PLUG[2:]), FLAGGED, PLUG_J, said=("'unavailable' is no figure (line 4)",)),
    log(HASS, "JSON of its history, with units", json.dumps(HISTORY), FLAGGED, {"wall": 100 * 10 + 60 * 20 + 80 * 20.0}, said=("'unavailable' is no figure",)),
    log(HASS, "no sensor of power", lines(HASS_HEAD, "light.desk,on,2025-12-08T01:00:00.000Z"), REFUSED, said=("no sensor of power or energy",)),
    log(CARBON, "one run", lines(CC_HEAD, carbon("2025-12-08T01:05:35", "a", 60.0, 1000, 5000, 200)), FLAGGED, CC_J, said=("totals alone", "Modelled"), note="has totals alone; its memory is a model"),
    log(CARBON, "a run written again and again", lines(CC_HEAD, carbon("2025-12-08T01:05:05", "a", 30.0, 500, 2500, 100), carbon("2025-12-08T01:05:35", "a", 60.0, 1000, 5000, 200)), FLAGGED, CC_J, said=("the last was taken",)),
    log(CARBON, "two runs, no GPU", lines(CC_HEAD, carbon("2025-12-08T01:05:35", "a", 60.0, 1000, 0, 200), carbon("2025-12-08T01:07:35", "b", 60.0, 1000, 0, 200)), FLAGGED, {"cpu-package-0": 2000.0, "dram-0": 400.0}, said=("2 runs one after the other", "GPU energy is not measured")),
    log(CARBON, "runs at the same time", lines(CC_HEAD, carbon("2025-12-08T01:05:35", "a", 60.0, 1000, 0, 200), carbon("2025-12-08T01:05:40", "b", 60.0, 1000, 0, 200)), REFUSED, said=("ran at the same time",)),
    log(CARBON, "a total that is not the sum", lines(CC_HEAD, carbon("2025-12-08T01:05:35", "a", 60.0, 1000, 5000, 200, 9000.0)), FLAGGED, CC_J, said=("states 9000 J in total",)),
    log(BENCH, "-o json", json.dumps([bench(512, 0, 1000.0), bench(0, 128, 100.0)], indent=2), FLAGGED, said=(NO_ENERGY,), note="speeds alone: it records no energy"),
    log(BENCH, "-o jsonl, the last line cut", "\n".join(json.dumps(bench(512, 0, s)) for s in (900.0, 950.0)) + '\n{"build_commit": "a', FLAGGED, said=(NO_ENERGY, "broken JSON")),
    log(BENCH, "no speed", json.dumps([{"avg_ts": 0, "n_gen": 0}]), REFUSED, said=("no test with a speed",)),
    log("Anything else", "a text that is no log", "Dear diary,\nnothing happened.\n", REFUSED, said=("no log that is known",)),
    log("Anything else", "a table of something else", lines("name,age", "a,3"), REFUSED, said=("no log that is known",)),
    log("Anything else", "a model file", b"GGUF\x03\x00\x00\x00" + bytes(range(256)), REFUSED, said=("is no text file",)),
    log("Anything else", "an empty file", b"", REFUSED, said=("is empty",)),
)  # fmt: skip
