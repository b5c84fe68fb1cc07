"""What can quantise here: the user's llama-quantize, or llama.cpp inside a Python package."""

import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from llamawatt.core.errors import ModelError
from llamawatt.host.libraries import with_libraries_of
from llamawatt.models.make.quantizations import file_type_number

PROGRAM = "llama-quantize"
PACKAGES = {"llama_cpp": "llama-cpp-python", "cyllama": "cyllama"}
"""Modules that carry llama.cpp's quantiser, in order of preference, and their packages."""


@dataclass(frozen=True, slots=True)
class Job:
    """One quantisation.

    Attributes:
        source: Model to read.
        part: File to write.
        quantization: Full name.
        n_threads: Threads; 0 lets llama.cpp choose.
        requantize: Whether quantised tensors may be quantised again.
        imatrix: Importance matrix; None for none.
    """

    source: Path
    part: Path
    quantization: str
    n_threads: int = 0
    requantize: bool = False
    imatrix: Path | None = None


@dataclass(frozen=True, slots=True)
class Quantizer:
    """A way to quantise.

    Attributes:
        name: `llama-quantize` or the package's name.
        program: Path of llama-quantize; None for a package.
        module: Module of the package; empty for a program.
    """

    name: str
    program: Path | None = None
    module: str = ""

    def command(self, job: Job) -> list[str]:
        """Return the command line that does a job.

        Raises:
            ModelError: this quantiser takes no importance matrix.
        """
        if self.program is None:
            return self._module_command(job)
        options = ["--allow-requantize"] if job.requantize else []
        if job.imatrix:
            options += ["--imatrix", str(job.imatrix)]
        threads = [str(job.n_threads)] if job.n_threads else []
        files = [str(job.source), str(job.part)]
        return [str(self.program), *options, *files, job.quantization, *threads]

    def environment(self) -> dict[str, str]:
        """Return the child's environment: libraries beside the program are found."""
        return dict(os.environ) if self.program is None else with_libraries_of(self.program)

    def _module_command(self, job: Job) -> list[str]:
        if job.imatrix:
            raise ModelError(
                f"{self.name} takes no importance matrix.",
                f"Name a {PROGRAM} of llama.cpp with --binary.",
            )
        child = [sys.executable, "-m", "llamawatt.models.make.quantize_child", self.module]
        numbers = [file_type_number(job.quantization), job.n_threads, int(job.requantize)]
        return [*child, str(job.source), str(job.part), *map(str, numbers)]


def find_quantizer(binary: Path | None = None) -> Quantizer:
    """Return what quantises here: the program named, else one on PATH, else a package.

    Raises:
        ModelError: there is nothing, or the program named is none.
    """
    named = str(binary) if binary else PROGRAM
    found = shutil.which(named)
    if found:
        return Quantizer(PROGRAM, program=Path(found))
    if binary:
        raise ModelError(f"{binary} is no program.", f"Name a {PROGRAM} of llama.cpp.")
    for module, package in PACKAGES.items():
        if importlib.util.find_spec(module) is not None:
            return Quantizer(package, module=module)
    raise ModelError(
        "Nothing here can quantise.",
        f"Name a {PROGRAM} of llama.cpp with --binary, or `pip install cyllama` (prebuilt) or "
        "llama-cpp-python (the extra `quant`, which needs a compiler).",
    )
