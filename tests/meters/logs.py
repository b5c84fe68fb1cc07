"""Synthetic logs in the form of other tools, with totals that are known."""

from dataclasses import dataclass

GADGET_COLUMNS = (
    "System Time,RDTSC,Elapsed Time (sec), CPU Utilization(%),CPU Frequency_0(MHz),"
    "Processor Power_0(Watt),Cumulative Processor Energy_0(Joules),"
    "Cumulative Processor Energy_0(mWh),IA Power_0(Watt),Cumulative IA Energy_0(Joules),"
    "Cumulative IA Energy_0(mWh),Package Temperature_0(C),Package Hot_0,DRAM Power_0(Watt),"
    "Cumulative DRAM Energy_0(Joules),Cumulative DRAM Energy_0(mWh)"
)


@dataclass(frozen=True)
class Gadget:
    """A Power Gadget log of steady power, row by row every 0.1 s."""

    power_w: float = 25.0
    dram_w: float = 0.0
    n_rows: int = 20
    first_s: float = 72_000.0
    decimal: str = "."
    footer: bool = True

    @property
    def energy_j(self) -> float:
        return self.power_w * self.n_rows * 0.1

    def row(self, number: int) -> str:
        elapsed_s = number * 0.1
        energy_j = self.power_w * elapsed_s
        dram_j = self.dram_w * elapsed_s
        numbers = [elapsed_s, 15.0]
        energies = [self.power_w, energy_j, energy_j / 3.6]
        cores = [0.9 * value for value in energies]
        dram = [self.dram_w, dram_j, dram_j / 3.6]
        return (
            f"{clock_text(self.first_s + elapsed_s - 0.1)}, {190140476103976 + number},"
            + self.padded(numbers)
            + ", 4100,"
            + self.padded(energies + cores)
            + ", 35,  0,"
            + self.padded(dram)
        )

    def padded(self, values: list[float]) -> str:
        return ",".join(f"{value:8.3f}" for value in values).replace(".", self.decimal)

    def text(self) -> str:
        lines = [GADGET_COLUMNS, *(self.row(number + 1) for number in range(self.n_rows))]
        if self.footer:
            lines += ["", *self.footer_lines()]
        return "\n".join(lines) + "\n"

    def footer_lines(self) -> list[str]:
        dram_j = self.dram_w * self.n_rows * 0.1
        lines = [
            f"Total Elapsed Time (sec) = {self.n_rows * 0.1:.6f}",
            "Measured RDTSC Frequency (GHz) = 2.496",
            "",
            f"Cumulative Processor Energy_0 (Joules) = {self.energy_j:.6f}",
            f"Cumulative Processor Energy_0 (mWh) = {self.energy_j / 3.6:.6f}",
            f"Average Processor Power_0 (Watt) = {self.power_w:.6f}",
            "",
            f"Cumulative IA Energy_0 (Joules) = {0.9 * self.energy_j:.6f}",
            "",
            f"Cumulative DRAM Energy_0 (Joules) = {dram_j:.6f}",
        ]
        return [line.replace(".", self.decimal) for line in lines]


def clock_text(of_day_s: float) -> str:
    """Return `HH:MM:SS:mmm`, which starts again at midnight."""
    ms = round(of_day_s * 1000) % 86_400_000
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}:{ms % 1000:03}"
