"""Logs of GPU power: nvidia-smi in all its shapes."""

from llamawatt.imports.format import Options
from tests.compatibility.logs import FLAGGED, REFUSED, WORKS, lines, log

SMI = "nvidia-smi --query-gpu"
HEAD = "timestamp, index, power.draw [W]"
CARDS_W = {"0": (100.0, 110.0, 120.0), "1": (200.0, 200.0, 200.0), "2": (50.0, 90.0, 130.0)}
CARDS_J = {"gpu-0": 220.0, "gpu-1": 400.0, "gpu-2": 180.0}
UUIDS = {
    "0": "GPU-5a1b0c2d-0000-4000-8000-00000000000a",
    "1": "GPU-5a1b0c2d-0000-4000-8000-00000000000b",
    "2": "GPU-5a1b0c2d-0000-4000-8000-00000000000c",
}
BUSES = {"0": "00000000:01:00.0", "1": "00000000:41:00.0", "2": "00000000:81:00.0"}


def stamp(second: int, ms: int = 500) -> str:
    return f"2025/12/08 01:05:{30 + second}.{ms:03}"


def cards(head: str, row) -> str:
    """One row a card a second, as nvidia-smi -l 1 writes them."""
    rows = [
        row(stamp(second, 500 + 2 * int(card)), card, watts[second])
        for second in range(3)
        for card, watts in CARDS_W.items()
    ]
    return lines(head, *rows)


ONE = lines("timestamp, power.draw [W]", *(f"{stamp(n)}, {40 + n}.00 W" for n in range(5)))
ONE_J = {"gpu-0": 168.0}
PLAIN = [f"{stamp(n)}, {40 + n}.00 W" for n in range(5)]
TWO = lines(
    "timestamp, power.draw [W]",
    *(f"{stamp(n)}, {w}.00 W" for n in range(4) for w in (40 + n, 70 + n)),
)
BURSTS = lines(
    "timestamp, power.draw [W]",
    *(f"{stamp(n, ms)}, {w}.00 W" for n in range(4) for ms, w in ((500, 40 + n), (503, 70))),
)
LIMITED = [f"{row}, 72.00 W" for row in PLAIN]
CASES = (
    log(SMI, "a reading far above the card's own limit", lines("timestamp, power.draw [W], power.limit [W]", *LIMITED[:2], f"{stamp(1, 900)}, 4294.97 W, 72.00 W", *LIMITED[2:]), FLAGGED, ONE_J, said=("more than 108 W cannot be (line 4)",)),
    log(SMI, "a reading that no card makes", lines("timestamp, power.draw [W]", *PLAIN[:2], f"{stamp(1, 900)}, 4294967.30 W", *PLAIN[2:]), FLAGGED, ONE_J, said=("more than 3000 W cannot be (line 4)",)),
    log(SMI, "cards of two machines in one file, by uuid", lines("timestamp, index, uuid, power.draw [W]", *(f"{stamp(n)}, 0, {u}, {w + n}.00 W" for n in range(5) for u, w in (("GPU-a", 40), ("GPU-b", 90)))), WORKS, {"gpu-0": 168.0, "gpu-1": 368.0}),
    log(SMI, "one card", ONE, WORKS, ONE_J),
    log(SMI, "one card, csv,nounits", ONE.replace(" W", "").replace(" [W]", " [W]"), WORKS, ONE_J),
    log(SMI, "several cards, by index", cards(HEAD, lambda t, i, w: f"{t}, {i}, {w:.2f} W"), WORKS, CARDS_J),
    log(SMI, "several cards, by uuid", cards("timestamp, uuid, power.draw [W]", lambda t, i, w: f"{t}, {UUIDS[i]}, {w:.2f} W"), WORKS, CARDS_J),
    log(SMI, "several cards, by pci.bus_id", cards("timestamp, pci.bus_id, power.draw [W]", lambda t, i, w: f"{t}, {BUSES[i]}, {w:.2f} W"), WORKS, CARDS_J),
    log(SMI, "several cards, by name", cards("timestamp, name, power.draw [W]", lambda t, i, w: f"{t}, NVIDIA Card {i}, {w:.2f} W"), WORKS, CARDS_J),
    log(SMI, "several cards, by index and name", cards("timestamp, name, index, power.draw [W]", lambda t, i, w: f"{t}, NVIDIA L4, {i}, {w:.2f} W"), WORKS, CARDS_J),
    log(SMI, "several cards of one name, by name", cards("timestamp, name, power.draw [W]", lambda t, i, w: f"{t[:-4]}.500, NVIDIA L4, {w:.2f} W"), REFUSED, said=("one instant",), note="log the index too"),
    log(SMI, "two cards, nothing tells them apart", TWO, REFUSED, said=("several devices are mixed", "timestamp,index,power.draw"), note="log the index too"),
    log(SMI, "two cards a few milliseconds apart", BURSTS, REFUSED, said=("bursts of 2", "timestamp,index,power.draw"), note="log the index too"),
    log(SMI, "blank lines", ONE.replace("\n", "\n\n"), WORKS, ONE_J, said=("blank lines were skipped",)),
    log(SMI, "repeated headers", lines("timestamp, power.draw [W]", *PLAIN[:2], "timestamp, power.draw [W]", *PLAIN[2:]), WORKS, ONE_J, said=("repeated header line was skipped (line 4)",)),
    log(SMI, "other columns from the middle on", lines("timestamp, power.draw [W]", *PLAIN[:2], HEAD, f"{stamp(3)}, 0, 40.00 W"), REFUSED, said=("log.csv:4 begins a second log",)),
    log(SMI, "last line cut before the power", ONE + "2025/12/08 01:05:35.500", FLAGGED, ONE_J, said=("the last line is cut short (line 7)",)),
    log(SMI, "last line cut within the power", ONE + "2025/12/08 01:05:35.500, 4", FLAGGED, ONE_J, said=("the last line is cut short (line 7)",)),
    log(SMI, "[N/A] in one line", lines("timestamp, power.draw [W]", *PLAIN[:2], f"{stamp(1, 900)}, [N/A]", *PLAIN[2:]), FLAGGED, ONE_J, said=("no power (line 4)",)),
    log(SMI, "[N/A] in one of several power columns", lines("timestamp, power.draw [W], power.draw.instant [W]", *(f"{row}, [N/A]" for row in PLAIN)), WORKS, ONE_J, said=("Power was taken from 'power.draw [W]'",)),
    log(SMI, "[N/A] in all power columns", lines("timestamp, power.draw [W]", *(f"{stamp(n)}, [N/A]" for n in range(5))), REFUSED, said=("no power in any line",)),
    log(SMI, "one card of two tells no power", lines(HEAD, *(f"{stamp(n)}, {i}, {w}" for n in range(5) for i, w in ((0, f"{40 + n}.00 W"), (1, "[N/A]")))), FLAGGED, ONE_J, said=("gpu-1 tells no power",)),
    log(SMI, "times without a fraction", ONE.replace(".500,", ","), WORKS, ONE_J),
    log(SMI, "two looks a second, times without a fraction", lines(HEAD, *(f"{stamp(n)[:-4]}, 0, {w}.00 W" for n in range(5) for w in (39 + n, 41 + n))), WORKS, ONE_J, said=("share a whole second",)),
    log(SMI, "UTF-16, as PowerShell's > writes", ONE.encode("utf-16"), WORKS, ONE_J),
    log(SMI, "UTF-16 without its mark", ONE.encode("utf-16-le"), WORKS, ONE_J),
    log(SMI, "quotes around every value", lines(*(",".join(f'"{cell.strip()}"' for cell in row.split(",")) for row in ONE.splitlines())), WORKS, ONE_J),
    log(SMI, "an open quote in one line", lines("timestamp, power.draw [W]", *PLAIN[:2], f'{stamp(1, 900)}, "40', *PLAIN[2:]), WORKS, {"gpu-0": 167.3}),
    log(SMI, "zero bytes behind the end, after a crash", ONE.encode() + bytes(512), WORKS, ONE_J),
    log(SMI, "no header, columns named", lines(*PLAIN), WORKS, ONE_J, options=Options(columns=("timestamp", "power.draw"))),
    log(SMI, "no header, several cards, columns named", cards(HEAD, lambda t, i, w: f"{t}, {i}, {w:.2f} W").partition("\n")[2], WORKS, CARDS_J, options=Options(columns=("timestamp", "index", "power.draw"))),
    log(SMI, "no header, columns not named", lines(*PLAIN), REFUSED, said=("--columns timestamp,index,power.draw",), note="name them with `--columns`"),
    log(SMI, "no times, interval named", lines("power.draw [W]", *(f"{40 + n}.00 W" for n in range(5))), FLAGGED, ONE_J, said=("taken to be 1 s apart",), options=Options(interval_s=1.0)),
    log(SMI, "no times, several cards, interval named", lines("index, power.draw [W]", *(f"{i}, {w[n]} W" for n in range(3) for i, w in CARDS_W.items())), FLAGGED, CARDS_J, options=Options(interval_s=1.0)),
    log(SMI, "no times, interval not named", lines("power.draw [W]", "40 W", "41 W"), REFUSED, said=("--interval 1s",), note="name it with `--interval`"),
    log(SMI, "times running backwards", lines("timestamp, power.draw [W]", *PLAIN[2:], *PLAIN[:2]), REFUSED, said=("log.csv:5", "earlier")),
    log("Timestamp and power_w in CSV", "ISO times", lines("timestamp,power_w", *(f"2025-12-08T01:05:3{n}.000,{40 + n}" for n in range(5))), WORKS, ONE_J),
    log("Timestamp and power_w in CSV", "seconds since 1970, one card of many in milliseconds", lines("timestamp,gpu,power_w", *(f"{1765155930500 + 1000 * n},{i},{40 + n}" for n in range(5) for i in (0, 3))), WORKS, {"gpu-0": 168.0, "gpu-3": 168.0}),
    log("Timestamp and power_w in CSV", "seconds since the start", lines("time_s,power_w", *(f"{n}.0,{40 + n}" for n in range(5))), WORKS, ONE_J),
)  # fmt: skip
