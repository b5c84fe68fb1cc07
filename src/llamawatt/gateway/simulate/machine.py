"""A simulated machine: targets that wake, batch, serve, fall silent and unload."""

import math
from collections import deque
from dataclasses import dataclass, field

from llamawatt.gateway.costs import TargetCosts
from llamawatt.gateway.policy.router import Standing, State
from llamawatt.gateway.policy.unload import UnloadRule
from llamawatt.gateway.policy.waking import WakeValue
from llamawatt.gateway.simulate.arrivals import Arrival

EPSILON_S = 1e-9


@dataclass(slots=True)
class Job:
    """A request on its way.

    Attributes:
        arrival: The request.
        target: Where it runs.
        prefill_left_s: Time it still reads its prompt for.
        tokens_left: Tokens it still generates.
        first_s: When its first token came.
        done_s: When its last one came.
    """

    arrival: Arrival
    target: str
    prefill_left_s: float
    tokens_left: float
    first_s: float = math.nan
    done_s: float = math.nan


@dataclass(slots=True)
class Spent:
    """Joules above the machine's bare idle.

    Attributes:
        work_j: Of the work itself.
        resident_j: Of being loaded.
        wake_j: Of waking up.
        n_wakes: How often.
    """

    work_j: float = 0.0
    resident_j: float = 0.0
    wake_j: float = 0.0
    n_wakes: int = 0

    @property
    def energy_j(self) -> float:
        """All of it."""
        return self.work_j + self.resident_j + self.wake_j


@dataclass(slots=True)
class SimulatedTarget:
    """One target.

    Attributes:
        name: Its name.
        costs: What it costs.
        rule: When it unloads.
        n_slots: Requests it serves at once.
        state: What it is doing.
        ready_s: When it is healthy.
        silent_since_s: When its last request ended.
        spent: What it took.
        active: Requests it serves.
        queue: Requests that wait.
        waking: What speaks for waking it.
    """

    name: str
    costs: TargetCosts
    rule: UnloadRule
    n_slots: int
    state: State = State.OFF
    ready_s: float = 0.0
    silent_since_s: float = 0.0
    spent: Spent = field(default_factory=Spent)
    active: list[Job] = field(default_factory=list)
    queue: deque[Job] = field(default_factory=deque)
    waking: WakeValue = field(init=False)

    def __post_init__(self) -> None:
        self.waking = WakeValue(self.costs)

    def standing(self, now_s: float) -> Standing:
        """Return it as the router sees it."""
        return Standing(
            self.name,
            self.costs,
            self.state,
            len(self.active),
            len(self.queue),
            self.n_slots,
            max(0.0, self.ready_s - now_s) if self.state is State.STARTING else 0.0,
            worth_j=self.waking.value_j,
        )

    def take(self, arrival: Arrival, now_s: float) -> Job:
        """Take a request, and wake up for it if need be."""
        prefill_s = arrival.n_prompt / self.costs.prefill_tokens_per_s
        job = Job(arrival, self.name, prefill_s, float(arrival.n_generated))
        if self.state is State.OFF:
            self.state, self.ready_s = State.STARTING, now_s + self.costs.wake_s
            self.waking.woken()
            self.spent.wake_j += self.costs.wake_j
            self.spent.n_wakes += 1
        self.queue.append(job)
        self._fill(now_s)
        return job

    def next_s(self, now_s: float) -> float:
        """Return when something happens next here; infinite if nothing does."""
        if self.state is State.STARTING:
            return self.ready_s
        if self.state is State.WARM and not self.active:
            return self.silent_since_s + self.rule.after_s()
        left_s = [self._left_s(job) for job in self.active]
        return now_s + min(left_s, default=math.inf)

    def advance(self, now_s: float, duration_s: float) -> None:
        """Let time pass, up to what happens next at most."""
        if self.state is not State.WARM:
            return
        self.spent.resident_j += self.costs.resident_w * duration_s
        rate_per_s, n_decoding = self._rate_per_s(), self._n_decoding()
        for job in self.active:
            if job.prefill_left_s > 0:
                read_s = min(duration_s, job.prefill_left_s)
                job.prefill_left_s -= read_s
                n_read = read_s * self.costs.prefill_tokens_per_s
                self.spent.work_j += n_read * self.costs.prefill_j_per_token
                if job.prefill_left_s <= EPSILON_S:
                    job.prefill_left_s, job.first_s = 0.0, now_s + duration_s
            else:
                n_made = min(job.tokens_left, rate_per_s * duration_s)
                job.tokens_left -= n_made
                self.spent.work_j += n_made * self.costs.decode_j_per_token(n_decoding)

    def happen(self, now_s: float) -> None:
        """Do what is due: become healthy, end requests, begin others, unload."""
        if self.state is State.STARTING and now_s >= self.ready_s - EPSILON_S:
            self.state, self.silent_since_s = State.WARM, now_s
        for job in [job for job in self.active if self._left_s(job) <= EPSILON_S]:
            if job.prefill_left_s <= 0:
                job.first_s = now_s if math.isnan(job.first_s) else job.first_s
                job.done_s = self.silent_since_s = now_s
                self.active.remove(job)
        self._fill(now_s)
        idle = self.state is State.WARM and not self.active
        if idle and self.rule.is_due(now_s - self.silent_since_s + EPSILON_S):
            self.state = State.OFF

    def _fill(self, now_s: float) -> None:
        while self.state is State.WARM and self.queue and len(self.active) < self.n_slots:
            job = self.queue.popleft()
            if job.prefill_left_s <= 0:
                job.first_s = now_s
            self.active.append(job)

    def _n_decoding(self) -> int:
        return max(1, sum(job.prefill_left_s <= 0 for job in self.active))

    def _rate_per_s(self) -> float:
        n_decoding = self._n_decoding()
        return self.costs.decode_tokens_per_s(n_decoding) / n_decoding

    def _left_s(self, job: Job) -> float:
        if job.prefill_left_s > 0:
            return job.prefill_left_s
        return job.tokens_left / self._rate_per_s()
