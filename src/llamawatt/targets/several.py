"""Several llama-servers that share the load, as one target and one client."""

from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from llamawatt.core.clock import Clock
from llamawatt.core.trials import RequestRecord
from llamawatt.targets.base import Endpoint, Target
from llamawatt.targets.client import Client
from llamawatt.targets.dialects import Ask
from llamawatt.targets.launcher import Program, ServerProcess
from llamawatt.targets.spec import TargetSpec


def target_of(program: Program, model_path: Path, spec: TargetSpec, clock: Clock) -> Target:
    """Return the target of a setting: one server, or as many as share its load."""
    each = spec.of_each_server()
    servers = [
        ServerProcess(program, model_path, each, clock=clock) for _ in range(spec.n_servers or 1)
    ]
    return servers[0] if len(servers) == 1 else ServerGroup(servers)


class ServerGroup:
    """Servers that are started and stopped together. Its endpoint is the first, with partners.

    Args:
        servers: The servers, at least one.
    """

    def __init__(self, servers: Sequence[Target]) -> None:
        self._servers = tuple(servers)

    def start(self) -> Endpoint:
        """Start all at once and wait until every one is healthy.

        Raises:
            TargetError: one of them did not start; none is left running.
        """
        with ThreadPoolExecutor(len(self._servers), "llamawatt-start") as pool:
            jobs = [pool.submit(server.start) for server in self._servers]
            wait(jobs)
        try:
            first, *partners = [job.result() for job in jobs]
        except BaseException:
            self.stop()
            raise
        return replace(first, partners=tuple(partners))

    def stop(self) -> None:
        """Stop all. Safe to call twice."""
        for server in self._servers:
            server.stop()


class SpreadClient:
    """Spreads requests over several servers: each gets every n-th, and its part of the streams.

    A context manager.

    Args:
        clients: A client for each server.
    """

    def __init__(self, clients: Sequence[Client]) -> None:
        self._clients = tuple(clients)
        self._pool = ThreadPoolExecutor(len(self._clients), "llamawatt-spread")

    def __enter__(self) -> "SpreadClient":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in self._clients:
            client.__exit__(kind, error, trace)
        self._pool.shutdown(wait=True)

    def run(
        self, asks: Sequence[Ask], *, n_parallel: int = 1, fixed_length: bool = True
    ) -> list[RequestRecord]:
        """Send every request, `n_parallel` at once over all servers, and return records in order.

        Raises:
            TargetError: a server went away, refused, or did not count its tokens.
        """
        n = len(self._clients)
        parts = [asks[number::n] for number in range(n)]
        jobs = [
            self._pool.submit(
                client.run, part, n_parallel=max(1, n_parallel // n), fixed_length=fixed_length
            )
            for client, part in zip(self._clients, parts, strict=True)
        ]
        done, pending = wait(jobs, return_when=FIRST_EXCEPTION)
        if pending:
            self._hang_up()
        _raise_first(done)
        records: list[RequestRecord | None] = [None] * len(asks)
        for number, job in enumerate(jobs):
            records[number::n] = job.result()
        return [record for record in records if record is not None]

    def _hang_up(self) -> None:
        """End what the other servers still do: none may run into the next window."""
        for client in self._clients:
            client.__exit__(None, None, None)


def _raise_first(done: set[Future[list[RequestRecord]]]) -> None:
    for job in done:
        error = job.exception()
        if error is not None:
            raise error


def client_of(
    endpoint: Endpoint, spec: TargetSpec, seed: int, clock: Clock
) -> AbstractContextManager[Client | SpreadClient]:
    """Return a client for an endpoint and its partners, with the setting's requests."""
    request = spec.request_settings()
    every = (endpoint, *endpoint.partners)
    n_parallel = max(1, (spec.n_parallel or 1) // len(every))
    clients = [Client(each, n_parallel, seed, clock, request=request) for each in every]
    return clients[0] if len(clients) == 1 else SpreadClient(clients)
