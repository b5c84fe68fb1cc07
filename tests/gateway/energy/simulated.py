"""Simulated sensors under a ledger: the true energy is known exactly."""

from dataclasses import replace

from llamawatt.core.clock import FakeClock
from llamawatt.core.readings import Calibration
from llamawatt.gateway.energy.ledger import Ledger
from llamawatt.meters.sampling.sampler import Sampler
from llamawatt.testing.fake_meter import FakeMeter
from llamawatt.testing.load_shape import LoadShape


def calibration_of(name, sensor):
    return Calibration(
        domain=name,
        update_period_s=sensor.period_s,
        period_jitter_s=sensor.jitter_s,
        read_cpu_s=sensor.read_cpu_s,
        read_wall_s=sensor.read_wall_s,
        averaging_s=sensor.averaging_s,
    )


class SimulatedFeed:
    """A sampler that runs by hand over simulated sensors."""

    def __init__(self, sensors, shape: LoadShape, seed=0):
        self.clock = FakeClock()
        self.shape = shape
        self.meter = FakeMeter(self.clock, shape, sensors, seed)
        calibrations = {name: calibration_of(name, each) for name, each in sensors.items()}
        self.sampler = Sampler([self.meter], calibrations, self.clock, threaded=False)
        self.domains = self.meter.domains()
        self.most_kept = 0

    def trace(self, domain):
        found = self.sampler.trace(domain)
        self.most_kept = max(self.most_kept, len(found.t_s))
        return found

    def forget_before(self, t_s):
        self.sampler.forget_before(t_s)


def run(feed, until_s, step_s=0.5):
    """Advance a ledger to a moment; return it and its slices."""
    ledger = Ledger(feed, feed.clock.now_s())
    slices = []
    while feed.clock.now_s() < until_s:
        feed.sampler.run_until(feed.clock.now_s() + step_s)
        slices += ledger.advance(feed.clock.now_s())
    return ledger, slices


def with_domain(feed, **changes):
    """Change the domains a feed shows, as their kind."""
    feed.domains = tuple(replace(each, **changes) for each in feed.domains)
    return feed
