"""The kit passes sound meters and catches each kind of broken one."""

from dataclasses import replace

import pytest

from llamawatt.core.clock import FakeClock
from llamawatt.core.readings import Sample, Unavailable
from llamawatt.testing.fake_meter import FakeMeter
from llamawatt.testing.fake_sensor import PROFILES
from llamawatt.testing.meter_contract import assert_meter_contract

FAILING = {"stuck", "backwards", "permission-lost"}


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_every_simulated_sensor_keeps_the_contract(profile):
    clock = FakeClock()
    assert_meter_contract(lambda: FakeMeter(clock, sensors=profile), clock)


class Broken(FakeMeter):
    """A sound meter with one clause broken by the subclass."""

    def __init__(self):
        super().__init__(FakeClock())


class GivesZeroInsteadOfNothing(Broken):
    def read(self, domain):
        super().read(domain)
        return Unavailable("")


class GivesPowerToo(Broken):
    def read(self, domain):
        return replace(super().read(domain), power_w=1.0)


class GivesNan(Broken):
    def read(self, domain):
        return replace(super().read(domain), energy_j=float("nan"))


class CountsBackwards(Broken):
    n_reads = 0

    def read(self, domain):
        sample = super().read(domain)
        self.n_reads += 1
        return replace(sample, energy_j=1e6 - self.n_reads)


class AnswersForAnyDomain(Broken):
    def read(self, domain):
        return super().read("gpu-0")


class ReadsAfterClose(Broken):
    def close(self):
        pass


class SumsItsCrossCheck(Broken):
    def domains(self):
        return tuple(replace(domain, checks="gpu-1") for domain in super().domains())


class SharesNames(Broken):
    def domains(self):
        return super().domains() * 2


class StampsLater(Broken):
    n_reads = 0

    def read(self, domain):
        sample = super().read(domain)
        self.n_reads += 1
        return Sample(sample.t_s - self.n_reads, sample.energy_j, read_s=sample.read_s)


class SaysEvidenceWithoutDevice(Broken):
    def evidence(self):
        return {"temp_c": 40}


@pytest.mark.parametrize(
    "kind",
    [
        GivesZeroInsteadOfNothing,
        GivesPowerToo,
        GivesNan,
        CountsBackwards,
        AnswersForAnyDomain,
        ReadsAfterClose,
        SumsItsCrossCheck,
        SharesNames,
        StampsLater,
        SaysEvidenceWithoutDevice,
    ],
)
def test_a_broken_clause_is_named(kind):
    with pytest.raises(AssertionError, match="broken contract"):
        assert_meter_contract(kind)
