"""Rules about bits of weights and cache: whether fewer saved energy is measured, not assumed."""

from collections.abc import Iterable, Sequence

from llamawatt.analysis.assess import Assessment
from llamawatt.analysis.rules.findings import CacheSetting, FewerBits
from llamawatt.core.cache_types import (
    BYTES_PER_ELEMENT,
    cache_bytes_per_token,
    cache_setting,
    cache_types,
)
from llamawatt.core.plan import CACHE, QUANTIZATION, ArmRecord, setting_text

_PLAIN = ("f16", "f16")


def fewer_bits(assessment: Assessment) -> Iterable[FewerBits]:
    """Hold the arm with fewest bits per weight against the one with most, on every suite."""
    known = {m.name: m.bits_per_weight for m in assessment.study.models}
    arms = [
        (bits, arm)
        for arm in assessment.arms(QUANTIZATION)
        if (bits := known.get(arm.model)) is not None
    ]
    for device in dict.fromkeys(arm.device for _, arm in arms):
        here = [(bits, arm) for bits, arm in arms if arm.device == device]
        (few, low), (many, high) = (end(here, key=lambda pair: pair[0]) for end in (min, max))
        if few == many:
            continue
        energies = assessment.family(QUANTIZATION, "j_per_token")
        speeds = assessment.family(QUANTIZATION, "tok_per_s")
        for suite in assessment.suites:
            energy = energies.ratio(suite, low.name, high.name)
            speed = speeds.ratio(suite, low.name, high.name)
            if energy is not None and speed is not None:
                yield FewerBits(suite, few, many, energy, speed)


def cache_settings(assessment: Assessment) -> Iterable[CacheSetting]:
    """Hold every cache setting against the f16 cache of its model and device.

    That with the same flash attention, so that one thing differs; the first one otherwise.
    """
    arms = assessment.arms(CACHE)
    for model, device in dict.fromkeys((arm.model, arm.device) for arm in arms):
        here = [arm for arm in arms if (arm.model, arm.device) == (model, device)]
        plain = [arm for arm in here if cache_types(arm) == _PLAIN]
        others = (arm for arm in here if plain and arm is not plain[0])
        pairs = [(arm, _plain_for(arm, plain)) for arm in others]
        for suite in assessment.suites:
            made = (_cache_setting(assessment, suite, arm, base) for arm, base in pairs)
            yield from (finding for finding in made if finding is not None)


def setting_of(arm: ArmRecord) -> str:
    """Return an arm's cache types and flash attention in words."""
    return setting_text(*cache_setting(arm))


def _plain_for(arm: ArmRecord, plain: Sequence[ArmRecord]) -> ArmRecord:
    flash = arm.spec.get("flash_attn")
    alike = (each for each in plain if each is not arm and each.spec.get("flash_attn") == flash)
    return next(alike, plain[0])


def _is_smaller(arm: ArmRecord, plain: ArmRecord) -> bool:
    ours, theirs = (
        sum(BYTES_PER_ELEMENT.get(name, 0.0) for name in cache_types(each)) for each in (arm, plain)
    )
    return ours < theirs


def _cache_setting(
    assessment: Assessment, suite: str, arm: ArmRecord, plain: ArmRecord
) -> CacheSetting | None:
    energy = assessment.family(CACHE, "j_per_token").ratio(suite, arm.name, plain.name)
    speed = assessment.family(CACHE, "tok_per_s").ratio(suite, arm.name, plain.name)
    if energy is None or speed is None:
        return None
    file = next((m for m in assessment.study.models if m.name == arm.model), None)
    ours, theirs = (
        None if file is None else cache_bytes_per_token(file, each) for each in (arm, plain)
    )
    return CacheSetting(
        suite, arm.model, setting_of(arm), setting_of(plain), _is_smaller(arm, plain),
        ours, theirs, energy, speed,
    )  # fmt: skip
