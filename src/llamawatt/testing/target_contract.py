"""The contract of a target as a test, for those that ship here and for anybody else's."""

from collections.abc import Callable

from llamawatt.core.errors import TargetError
from llamawatt.targets.base import Target
from llamawatt.targets.client import Client
from llamawatt.targets.dialects import Ask

KINDS = ("llama-server", "ollama", "openai")
ASK = Ask("contract", "Count to three.", 4)


def assert_target_contract(factory: Callable[[], Target]) -> None:
    """Check a target against the contract.

    Args:
        factory: Makes a fresh target that will start.

    Raises:
        AssertionError: saying which promise is broken.
    """
    _stops_before_it_started(factory())
    target = factory()
    endpoint = target.start()
    try:
        assert endpoint.kind in KINDS, f"unknown kind {endpoint.kind!r}"
        assert endpoint.url.startswith("http"), f"no URL: {endpoint.url!r}"
        assert not endpoint.last_words(), "it tells how it ended, and it runs"
        _answers(Client(endpoint))
    finally:
        target.stop()
    target.stop()
    if endpoint.pid is not None:
        _is_gone(Client(endpoint))
        _starts_again(target)


def _stops_before_it_started(target: Target) -> None:
    target.stop()


def _answers(client: Client) -> None:
    """Counts come from the server, times are in order."""
    with client:
        (record,) = client.run([ASK], fixed_length=False)
    assert 1 <= record.n_generated <= ASK.n_predict, f"{record.n_generated} tokens generated"
    assert record.n_prompt + (record.n_cached or 0) >= 1, "no prompt token was counted"
    assert record.latency_s > 0.0, "no time passed"
    if record.ttft_s is not None:
        assert 0.0 < record.ttft_s <= record.latency_s, "the first token came after the last"


def _is_gone(client: Client) -> None:
    """A server that was started here serves nobody after it was stopped."""
    with client:
        try:
            client.run([ASK])
        except TargetError:
            return
    raise AssertionError("it was stopped, and still answers")


def _starts_again(target: Target) -> None:
    try:
        assert target.start().pid is not None, "it started again without a process of its own"
    finally:
        target.stop()
