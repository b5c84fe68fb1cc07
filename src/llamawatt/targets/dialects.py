"""What is asked of a server, and what every way of asking must be able to do."""

import re
from dataclasses import dataclass
from typing import Protocol as Interface

from llamawatt.core.errors import TargetError
from llamawatt.targets.answers import Told
from llamawatt.targets.stream import Reception


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to send.

    Attributes:
        prompt_id: Which prompt.
        prompt: Text, or token ids.
        n_predict: Tokens to generate, at most; exactly, at fixed length.
    """

    prompt_id: str
    prompt: str | tuple[int, ...]
    n_predict: int


class Protocol(Interface):
    """One API."""

    @property
    def token(self) -> re.Pattern[bytes] | None:
        """Return what the bytes of an event with a token contain, for answers to be streamed.

        None where the server tells its decode time, so that answers may come whole: a streamed
        token wakes threads of server and client, which on a machine whose cores all compute slows
        decoding by some percent (benchmarks/parity.py).
        """

    @property
    def without(self) -> tuple[str, ...]:
        """Return the optional settings that the server refused."""

    @property
    def has_options(self) -> bool:
        """Return whether it sends anything that a server may refuse and still answer."""

    def path(self, ask: Ask) -> str:
        """Return the path to post to."""

    def prepare(self, ask: Ask, fixed_length: bool, streamed: bool) -> bytes:
        """Return the body to post.

        Raises:
            TargetError: this API cannot do what is asked.
        """

    def concede(self, said: str, streamed: bool, *, named: bool = False) -> bool:
        """Leave out an optional setting that a server complained of; False if none is left.

        Args:
            said: The server's words; a setting that they name goes first.
            streamed: Whether the answer was to be streamed.
            named: Whether only a setting that is named may go.
        """

    def read(self, ask: Ask, answer: Reception) -> Told:
        """Return what the server tells of an answer.

        Raises:
            TargetError: the server did not count its tokens, or did not answer itself.
        """


def text_of(ask: Ask, api: str) -> str:
    """Return the text to send.

    Raises:
        TargetError: it is no text.
    """
    if isinstance(ask.prompt, str):
        return ask.prompt
    raise TargetError(
        f"{api} takes no token ids, so the shape of {ask.prompt_id} cannot be sent.",
        "Use a text suite, or a llama-server.",
    )
