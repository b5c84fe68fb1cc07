"""A /sys and a /proc of a machine that the test describes."""

from pathlib import Path


class FakeMachine:
    """Folders that look like /sys and /proc where processors are looked for."""

    def __init__(self, folder: Path) -> None:
        self.sysfs = folder / "sys"
        self.proc = folder / "proc"
        self.cpus = self.sysfs / "devices/system/cpu"
        self.cpus.mkdir(parents=True)
        self.proc.mkdir(parents=True)

    def write(self, path: Path, text: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")

    def cpu(self, number: int, siblings: str, package: int = 0, **files: object) -> None:
        topology = self.cpus / f"cpu{number}/topology"
        self.write(topology / "thread_siblings_list", siblings)
        self.write(topology / "physical_package_id", package)
        for name, text in files.items():
            self.write(self.cpus / f"cpu{number}/{name}", text)

    def online(self, numbers: str) -> None:
        self.write(self.cpus / "online", numbers)

    def cpuinfo(self, name: str, flags: str = "fpu sse") -> None:
        self.write(self.proc / "cpuinfo", f"model name\t: {name}\nflags\t\t: {flags}")
