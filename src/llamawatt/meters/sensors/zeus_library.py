"""The seam to Zeus: the devices that are used, and the real library behind them."""

from typing import Protocol

from llamawatt.core.readings import Unavailable
from llamawatt.meters.sensors.zeus_channels import AmdGpu, Cpus, Soc, ZeusReadError, guarded


class ZeusLibrary(Protocol):
    """The devices of Zeus that llamawatt reads. Each call may raise `ZeusReadError`."""

    def soc(self) -> Soc:
        """Return the system on a chip: Apple Silicon or Jetson."""

    def cpus(self) -> Cpus:
        """Return the processors."""

    def amd_gpus(self) -> list[AmdGpu]:
        """Return AMD's GPUs; those of other makers are read elsewhere."""

    def close(self) -> None:
        """Let go of what was opened."""


class Zeus:
    """Zeus itself. It must be kept as long as its GPUs are read: amdsmi is shut down with it.

    Raises:
        ImportError: it is not installed.
    """

    def __init__(self) -> None:
        import zeus.device  # noqa: F401, PLC0415  (only machines that need it pay for the import)

        self._kept: list[object] = []

    def soc(self) -> Soc:
        """Return the system on a chip: Apple Silicon or Jetson."""
        from zeus.device.soc import get_soc  # noqa: PLC0415

        soc: Soc = guarded(get_soc)
        return soc

    def cpus(self) -> Cpus:
        """Return the processors."""
        from zeus.device.cpu import get_cpus  # noqa: PLC0415

        cpus: Cpus = guarded(get_cpus)
        return cpus

    def amd_gpus(self) -> list[AmdGpu]:
        """Return AMD's GPUs; `get_gpus` would prefer NVIDIA's where both are."""
        from zeus.device.gpu.amd import AMDGPUs, amdsmi_is_available  # noqa: PLC0415

        if not guarded(amdsmi_is_available):
            raise ZeusReadError("amdsmi finds no ROCm; install ROCm 6.2 or newer")
        owner = guarded(AMDGPUs)
        self._kept.append(owner)
        gpus: list[AmdGpu] = list(owner.gpus)
        return gpus

    def close(self) -> None:
        """Shut amdsmi down."""
        self._kept.clear()


def load_zeus() -> ZeusLibrary | Unavailable:
    """Return Zeus, or why there is none."""
    try:
        return Zeus()
    except ImportError as error:
        return Unavailable(f"Zeus, which reads this hardware, is not installed ({error}).")
    except Exception as error:  # noqa: BLE001  (vendors' libraries that it loads may raise anything)
        return Unavailable(f"Zeus does not load ({type(error).__name__}: {error}).")
