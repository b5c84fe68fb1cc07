"""Every case there is. An area adds its cases in a module of its own and is listed here."""

from tests.compatibility import logs_amd, logs_cpu, logs_gpu, logs_machine, plugs, servers
from tests.compatibility.case import Case

CASES: tuple[Case, ...] = (
    *logs_gpu.CASES,
    *logs_amd.CASES,
    *logs_cpu.CASES,
    *logs_machine.CASES,
    *plugs.CASES,
    *servers.CASES,
)
