"""Which meters to use."""

from dataclasses import dataclass

from llamawatt.meters.sensors.cpu.model import Processor, choose_model
from llamawatt.meters.sensors.discover import Discovery, discover
from llamawatt.meters.sensors.nvml_evidence import descends_from_us


@dataclass(frozen=True, slots=True)
class Metering:
    """Which meters, and what is known of this machine's power.

    Attributes:
        wall: URL of a wall plug.
        cpu_idle_w: Idle watts of the CPU, for the model meter.
        cpu_max_w: Full-load watts of the CPU, for the model meter.
        measured_only: Whether nothing may be modelled.
    """

    wall: str | None = None
    cpu_idle_w: float | None = None
    cpu_max_w: float | None = None
    measured_only: bool = False

    def discover(
        self, *, want_gpu: bool = True, attached: bool = False, own_cpu_only: bool = False
    ) -> Discovery:
        """Find the meters.

        Args:
            want_gpu: Whether a sleeping GPU may be woken.
            attached: Whether the server is somebody else's process: then it cannot be told from
                foreign ones, and none is called foreign.
            own_cpu_only: Whether all the work is done by processes that llamawatt starts: then a
                modelled CPU charges no others to it.
        """
        return discover(
            want_gpu=want_gpu,
            is_ours=(lambda _: True) if attached else descends_from_us,
            wall_url=self.wall,
            cpu_power=choose_model(Processor.here(), self.cpu_idle_w, self.cpu_max_w),
            own_cpu_only=own_cpu_only,
            allow_model=not self.measured_only,
        )
