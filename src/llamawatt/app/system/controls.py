"""What of the machine may be set: CPU governors by sysfs, a GPU's power limit by its driver.

Governors: the kernel's Documentation/admin-guide/pm/cpufreq.rst. Power limits: NVML's
nvmlDeviceSetPowerManagementLimit, in milliwatts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from llamawatt.core.errors import UsageError

SYSFS = Path("/sys")
GOVERNOR, POWER_LIMIT = "cpu_governor", "gpu_power_limit_w"
"""Knobs of the machine."""
TRIED_GOVERNORS = ("performance", "schedutil", "ondemand", "powersave")
N_LIMITS = 4
"""Power limits that are tried, from the lowest allowed to the default."""


class Control(Protocol):
    """One thing that can be read and set. Values are texts, so that they outlive this process."""

    @property
    def name(self) -> str:
        """Its name, unique on this machine."""

    def read(self) -> str:
        """Return its value.

        Raises:
            UsageError: it cannot be read.
        """

    def write(self, value: str) -> None:
        """Set it.

        Raises:
            UsageError: it cannot be set; mostly for want of a right.
        """


@dataclass(frozen=True, slots=True)
class FileControl:
    """A value in a file of sysfs."""

    path: Path

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    def read(self) -> str:
        """Return the file's text."""
        try:
            return self.path.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{self.path} cannot be read ({error}).") from error

    def write(self, value: str) -> None:
        """Write the file."""
        try:
            self.path.write_text(value, "ascii")
        except OSError as error:
            raise UsageError(
                f"{self.path} cannot be set to {value} ({error.strerror or error}).",
                "Only an administrator may: run with sudo, or without --allow-system-changes.",
            ) from error


@dataclass(frozen=True, slots=True)
class PowerLimit:
    """A GPU's power limit, milliwatts.

    Attributes:
        nvml: NVIDIA's library, initialised.
        index: Place of the GPU in the driver's list.
    """

    nvml: Any
    index: int

    @property
    def name(self) -> str:
        """Its name, by the card's place."""
        return f"nvml/{self.index}/power_limit_mw"

    def read(self) -> str:
        """Return the limit that is set."""
        return self._call("nvmlDeviceGetPowerManagementLimit")

    def write(self, value: str) -> None:
        """Set the limit."""
        self._call("nvmlDeviceSetPowerManagementLimit", int(value))

    def choices_w(self) -> tuple[int, ...]:
        """Return limits to try, watts, from the lowest to the default."""
        try:
            handle = self.nvml.nvmlDeviceGetHandleByIndex(self.index)
            least, _ = self.nvml.nvmlDeviceGetPowerManagementLimitConstraints(handle)
            usual = self.nvml.nvmlDeviceGetPowerManagementDefaultLimit(handle)
        except self.nvml.NVMLError:
            return ()
        step = (usual - least) / (N_LIMITS - 1)
        return tuple(dict.fromkeys(round((least + step * at) / 1000) for at in range(N_LIMITS)))

    def _call(self, name: str, *arguments: int) -> str:
        try:
            handle = self.nvml.nvmlDeviceGetHandleByIndex(self.index)
            return str(getattr(self.nvml, name)(handle, *arguments))
        except self.nvml.NVMLError as error:
            raise UsageError(
                f"The power limit of GPU {self.index} cannot be reached ({error}).",
                "Only an administrator may set it: run with sudo, or without "
                "--allow-system-changes.",
            ) from error


def governors(sysfs_root: Path = SYSFS) -> tuple[FileControl, ...]:
    """Return the governor of every frequency policy."""
    found = sorted((sysfs_root / "devices/system/cpu/cpufreq").glob("policy*/scaling_governor"))
    return tuple(FileControl(path) for path in found)


def governor_choices(sysfs_root: Path = SYSFS) -> tuple[str, ...]:
    """Return the governors that every policy offers, of those worth a try, today's among them."""
    offered: list[set[str]] = []
    now: set[str] = set()
    for control in governors(sysfs_root):
        try:
            listed = control.path.with_name("scaling_available_governors").read_text("ascii")
            now.add(control.read())
        except (OSError, UnicodeDecodeError, UsageError):
            return ()
        offered.append(set(listed.split()))
    if not offered or len(now) != 1:
        return ()
    common = set.intersection(*offered)
    tried = tuple(each for each in TRIED_GOVERNORS if each in common)
    return tuple(dict.fromkeys((*tried, *now)))


def power_limits(load: Callable[[], Any]) -> tuple[PowerLimit, ...]:
    """Return the power limit of every NVIDIA GPU; none without a driver.

    Args:
        load: Returns NVIDIA's library, initialised; raises OSError or its own error without one.
    """
    try:
        nvml = load()
        return tuple(PowerLimit(nvml, index) for index in range(nvml.nvmlDeviceGetCount()))
    except Exception as error:
        if type(error).__name__.startswith("NVMLError") or isinstance(error, OSError | ImportError):
            return ()
        raise


def load_nvml() -> Any:  # noqa: ANN401  (pynvml is untyped)
    """Return NVIDIA's library, initialised."""
    import pynvml  # noqa: PLC0415  # only where a card's settings may be changed

    pynvml.nvmlInit()
    return pynvml


@dataclass(frozen=True, slots=True)
class Machine:
    """What of this machine may be set.

    Attributes:
        controls: Every control, by knob.
        values: Values to try, by knob, today's among them.
        today: Today's value, by knob.
    """

    controls: Mapping[str, Sequence[Control]]
    values: Mapping[str, tuple[str | int, ...]]
    today: Mapping[str, str | int]

    def wanted(self, knob: str, value: object) -> dict[str, str]:
        """Return control → value for a knob's value."""
        text = str(round(float(str(value)) * 1000)) if knob == POWER_LIMIT else str(value)
        return {control.name: text for control in self.controls.get(knob, ())}


def changeable(sysfs_root: Path = SYSFS, load: Callable[[], Any] = load_nvml) -> Machine:
    """Return what of this machine may be set, where there is more than one value to choose."""
    controls: dict[str, Sequence[Control]] = {}
    values: dict[str, tuple[str | int, ...]] = {}
    today_of: dict[str, str | int] = {}
    names = governor_choices(sysfs_root)
    if len(names) > 1:
        controls[GOVERNOR], values[GOVERNOR] = governors(sysfs_root), names
        today_of[GOVERNOR] = governors(sysfs_root)[0].read()
    limits = power_limits(load)
    if len(limits) == 1:  # of several cards it is not known which one computes
        watts, today = limits[0].choices_w(), round(int(limits[0].read()) / 1000)
        choices = tuple(dict.fromkeys((*watts, today)))
        if len(choices) > 1:
            controls[POWER_LIMIT], values[POWER_LIMIT] = limits, choices
            today_of[POWER_LIMIT] = today
    return Machine(controls, values, today_of)


def every_control(
    sysfs_root: Path = SYSFS, load: Callable[[], Any] = load_nvml
) -> tuple[Control, ...]:
    """Return every control of this machine."""
    return (*governors(sysfs_root), *power_limits(load))
