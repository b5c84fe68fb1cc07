"""The rule about bit widths: whether fewer bits saved energy, which is measured and not assumed."""

from collections.abc import Iterable

from llamawatt.analysis.assess import Assessment
from llamawatt.analysis.findings import FewerBits


def fewer_bits(assessment: Assessment) -> Iterable[FewerBits]:
    """Hold the arm with fewest bits per weight against the one with most, on every suite."""
    known = {m.name: m.bits_per_weight for m in assessment.study.models}
    arms = [
        (bits, arm)
        for arm in assessment.arms("quantization")
        if (bits := known.get(arm.model)) is not None
    ]
    for device in dict.fromkeys(arm.device for _, arm in arms):
        here = [(bits, arm) for bits, arm in arms if arm.device == device]
        (few, low), (many, high) = (end(here, key=lambda pair: pair[0]) for end in (min, max))
        if few == many:
            continue
        energies = assessment.family("quantization", "j_per_token")
        speeds = assessment.family("quantization", "tok_per_s")
        for suite in assessment.suites:
            energy = energies.ratio(suite, low.name, high.name)
            speed = speeds.ratio(suite, low.name, high.name)
            if energy is not None and speed is not None:
                yield FewerBits(suite, few, many, energy, speed)
