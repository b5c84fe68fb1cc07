"""The tables of the configuration file, each value checked."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from llamawatt.gateway.costs import BatchPoint, TargetCosts
from llamawatt.gateway.policy.router import Policy
from llamawatt.gateway.profile_file import CostsTable, NotNegative, Positive

Count = Annotated[int, Field(ge=1, strict=True)]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$", max_length=120)]
UNMEASURED = TargetCosts(0.02, 1000.0, (BatchPoint(1, 0.5, 50.0),), 5.0, 3.0, 60.0)
"""What a target is taken to cost before anything was measured; it is learnt from there."""


class Table(BaseModel):
    """A table: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerTable(Table):
    """Where the gateway listens and how it behaves.

    Attributes:
        host: Address it listens on. Beyond this machine a key is required.
        port: Port; 0 for any that is free.
        policy: `latency`, `energy`, `edp` or `battery`.
        low_battery: With `battery`: below this charge, what can wait does.
        hold_ms: How long a request may be held so that others can join its batch.
        unload: Whether targets that fall silent are ended.
        database: File of the energy of all answers; the user's data folder when empty.
        store_prompts: Whether prompts are kept beside their energy.
        otel_names: Whether OpenTelemetry's draft names stand beside the `energy` object's own.
        drain_s: Longest wait for running answers when told to end.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, strict=True)] = 8090
    policy: Policy = Policy.ENERGY
    low_battery: Share = 0.2
    hold_ms: Annotated[float, Field(ge=0, le=1000)] = 0.0
    unload: bool = True
    database: str = ""
    store_prompts: bool = False
    otel_names: bool = False
    drain_s: NotNegative = 30.0


class LimitsTable(Table):
    """What a client may ask at most.

    Attributes:
        body_bytes: Bytes of a request.
        header_bytes: Bytes of one header line.
        prompt_tokens: Tokens of a prompt, estimated; None for the backend's own limit.
        queue: Requests that wait for one target.
        requests_per_key: Requests in flight of one key.
        read_s: Longest time to send a request.
        queue_s: Longest wait for a slot, a start of the target included.
        answer_s: Longest time between two pieces of an answer.
        client_s: Longest time that a client takes nothing while bytes wait for it.
        idle_s: Longest time that a connection stands without a request.
        buffer_bytes: Bytes that wait for a slow client at most.
    """

    body_bytes: Count = 32 * 1024 * 1024
    header_bytes: Count = 16 * 1024
    prompt_tokens: Count | None = None
    queue: Annotated[int, Field(ge=0, strict=True)] = 256
    requests_per_key: Count = 256
    read_s: Positive = 30.0
    queue_s: Positive = 300.0
    answer_s: Positive = 300.0
    client_s: Positive = 30.0
    idle_s: Positive = 75.0
    buffer_bytes: Count = 4 * 1024 * 1024


class KeyTable(Table):
    """A key that lets clients in.

    Attributes:
        name: What it is called in reports.
        sha256: SHA-256 of the key, hexadecimal: `llamawatt serve --hash-key` prints it.
        joules_per_day: Its budget of energy; None for none.
        money_per_day: Its budget of money; None for none.
    """

    name: Name
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    joules_per_day: Positive | None = None
    money_per_day: Positive | None = None


class PriceTable(Table):
    """What energy costs.

    Attributes:
        per_kwh: Price of a kilowatt-hour; None where it is not known.
        currency: Its currency.
        carbon_g_per_kwh: Grams of CO2 equivalent of a kilowatt-hour; None where not known.
    """

    per_kwh: NotNegative | None = None
    currency: str = "EUR"
    carbon_g_per_kwh: NotNegative | None = None


class TargetTable(Table):
    """One server of a model.

    Attributes:
        kind: `embedded`, `binary` (your own llama-server) or `attached` (a running one).
        model: A catalogue name, hf:OWNER/REPO/FILE, a URL or a path; not for attached ones.
        server: Path of a llama-server, for `binary`.
        url: URL of a running server, for `attached`.
        remote_model: Model name to ask an attached server for.
        api_key: Key of an attached server.
        settings: What llama.cpp is started with, named as llama.cpp names it.
        slots: Requests at once; `n_parallel` of the settings when None.
        costs: What its work costs, as it was measured.
        profile: A file of such costs, as `FILE.toml#TARGET`.
        resident: Whether it never unloads.
        unload_after_s: Silence after which it unloads; the break-even one when None.
        start_s: Longest time from start to healthy.
        gpu: Whether it works on a GPU; told by its settings when None.
    """

    kind: Literal["embedded", "binary", "attached"] = "embedded"
    model: str = ""
    server: Path | None = None
    url: str = ""
    remote_model: str = ""
    api_key: Annotated[str, Field(repr=False)] = ""
    settings: dict[str, bool | int | float | str] = Field(default_factory=dict)
    slots: Count | None = None
    costs: CostsTable | None = None
    profile: str = ""
    resident: bool = False
    unload_after_s: NotNegative | None = None
    start_s: Positive = 300.0
    gpu: bool | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.kind == "attached" and not self.url:
            raise ValueError("an attached target needs its url")
        if self.kind != "attached" and not self.model:
            raise ValueError(f"the target is {self.kind} and needs a model")
        if self.kind == "binary" and self.server is None:
            raise ValueError("a binary target needs the path of its server")
        if self.costs is not None and self.profile:
            raise ValueError("costs and profile exclude each other")
        return self

    @property
    def n_slots(self) -> int:
        """Requests that it serves at once."""
        if self.slots is not None:
            return self.slots
        given = self.settings.get("n_parallel", 1)
        return given if isinstance(given, int) and given >= 1 else 1

    @property
    def on_gpu(self) -> bool:
        """Whether it works on a GPU."""
        if self.gpu is not None:
            return self.gpu
        layers = self.settings.get("n_gpu_layers", 0)
        return isinstance(layers, int | float) and layers > 0


class ModelTable(Table):
    """One model, as clients call it.

    Attributes:
        targets: Its servers by name.
    """

    targets: Annotated[dict[Name, TargetTable], Field(min_length=1)]


class Configuration(Table):
    """The whole file.

    Attributes:
        server: Where the gateway listens and how it behaves.
        limits: What a client may ask.
        keys: Keys that let clients in; none for open doors on this machine.
        price: What energy costs.
        models: The models by the names that clients use.
    """

    server: ServerTable = ServerTable()
    limits: LimitsTable = LimitsTable()
    keys: tuple[KeyTable, ...] = ()
    price: PriceTable = PriceTable()
    models: Annotated[dict[Name, ModelTable], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [name for model in self.models.values() for name in model.targets]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"two targets are named {min(twice)}")
        return self
