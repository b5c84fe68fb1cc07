"""One finished request as it is kept."""

from dataclasses import astuple, dataclass, fields, replace

from llamawatt.gateway.energy.figure import AnswerEnergy


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A finished request. Without `store_prompts` no word of its prompt is in it.

    Attributes:
        request_id: Its name, unique.
        finished_at: When it ended, seconds since 1970.
        day: The local day of that, ISO 8601.
        model: Model as the client called it.
        target: Target that answered.
        key: Name of the key; empty for none.
        path: What was asked for, as `/v1/chat/completions`.
        status: HTTP status of the answer; 499 where the client went away.
        n_prompt: Prompt tokens; None where not told.
        n_generated: Generated tokens; None where not told.
        duration_s: From arrival to the last byte.
        ttft_s: From arrival to the first token; None where nothing streamed.
        energy_j: Joules; None where unavailable.
        above_idle_j: Joules that the work caused; None where idle is not known.
        uncertainty_j: 95 % half-width.
        window_j: What the whole machine took meanwhile.
        method: How the energy was got.
        modelled: 1 where any part is modelled.
        shared_with: Most other requests in flight at once.
        settled: 1 where every part is measured.
        reason: Why there is no energy; empty where there is.
        decision: Why it ran where it ran.
        prompt: The prompt, where that is wanted.
    """

    request_id: str
    finished_at: float
    day: str
    model: str
    target: str
    key: str
    path: str
    status: int
    n_prompt: int | None
    n_generated: int | None
    duration_s: float
    ttft_s: float | None
    energy_j: float | None
    above_idle_j: float | None
    uncertainty_j: float | None
    window_j: float | None
    method: str
    modelled: int
    shared_with: int
    settled: int
    reason: str
    decision: str
    prompt: str | None = None

    def with_energy(self, figure: AnswerEnergy) -> "RequestRow":
        """Return it with another figure."""
        known = not figure.reason
        return replace(
            self,
            energy_j=figure.energy_j if known else None,
            above_idle_j=figure.above_idle_j if known else None,
            uncertainty_j=figure.uncertainty_j if known else None,
            window_j=figure.window_j if known else None,
            method=figure.method,
            modelled=int(figure.is_modelled),
            shared_with=figure.shared_with,
            settled=int(figure.settled),
            reason=figure.reason,
        )

    def values(self) -> tuple[object, ...]:
        """Return the values in the order of the columns."""
        return astuple(self)


COLUMNS = tuple(each.name for each in fields(RequestRow))
UPSERT = (
    f"INSERT OR REPLACE INTO requests ({', '.join(COLUMNS)}) "  # noqa: S608  (names of our own)
    f"VALUES ({', '.join('?' * len(COLUMNS))})"
)
