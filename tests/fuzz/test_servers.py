"""What servers and plugs may answer."""

import json
import math

import httpx
import pytest
from hypothesis import given

from llamawatt.core.clock import SystemClock
from llamawatt.core.errors import TargetError
from llamawatt.core.readings import Unavailable
from llamawatt.meters.sensors.plug_address import PlugAddress
from llamawatt.meters.sensors.plug_dialects import DIALECTS, HOME_ASSISTANT
from llamawatt.meters.sensors.plugs import HttpPlug
from llamawatt.runs.schema import to_line
from llamawatt.targets.answers import maybe_count
from llamawatt.targets.base import Endpoint
from llamawatt.targets.complaints import require_no_error, words
from llamawatt.targets.dialects import Ask
from llamawatt.targets.llama_server import LlamaServer
from llamawatt.targets.ollama import Ollama
from llamawatt.targets.openai import OpenAI
from llamawatt.targets.phases import make_record
from llamawatt.targets.stream import receive
from tests.fuzz.mutations import changed_json, changed_lines, examples
from tests.meters.fakeplug import (
    EM1,
    GEN1,
    GEN1_EM,
    GEN1_TWO,
    GEN2,
    PM1,
    PRO_3EM,
    TASMOTA,
    plug_server,
)

USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 1}}
TIMINGS = {"prompt_n": 9, "prompt_ms": 12.5, "predicted_n": 4, "predicted_ms": 40.0, "cache_n": 0}
ANSWERS = tuple(
    json.dumps(answer).encode()
    for answer in (
        {"content": "a", "stop_type": "limit", "timings": TIMINGS},
        {"choices": [{"text": "a", "finish_reason": "length"}], "usage": USAGE},
        {"response": "a", "done_reason": "stop", "prompt_eval_count": 9, "eval_count": 4,
         "prompt_eval_duration": 10**7, "eval_duration": 10**8, "load_duration": 5},
        {"error": {"message": "no", "code": 500}},
    )
)  # fmt: skip
TOKEN = json.dumps({"choices": [{"text": "a", "index": 0}]}).encode()
STREAMS = tuple(b"data: " + TOKEN + b"\n\ndata: " + each + b"\n\n" for each in ANSWERS)
PLUGS = tuple(
    json.dumps(page).encode()
    for plug in (GEN2, PM1, GEN1, TASMOTA, EM1, PRO_3EM, GEN1_TWO, GEN1_EM)
    for page in plug.values()
)
ASK = Ask("p", "Why?", 4)


def read(data, streamed):
    """Read an answer in every way there is."""
    clock, endpoint = SystemClock(), Endpoint("http://127.0.0.1:1", "openai", "m")
    with httpx.Client(base_url=endpoint.url) as http:
        protocols = (LlamaServer(http, {}), OpenAI(endpoint, {}), Ollama("m", {}))
    for protocol in protocols:
        t0_s = clock.now_s()
        pattern = protocol.token if streamed else None
        halves = iter((data[: len(data) // 2], data[len(data) // 2 :]))
        try:
            answer = receive(halves, clock, pattern)
            require_no_error(answer.events, endpoint.url)
            record = make_record("p", answer, t0_s, protocol.read(ASK, answer))
        except TargetError:
            continue
        assert to_line(record)


@examples()
@given(data=changed_json(ANSWERS))
def test_an_answer_that_comes_whole(data):
    read(data, streamed=False)
    words(data)


@examples()
@given(data=changed_lines(STREAMS))
def test_an_answer_that_is_streamed(data):
    read(data, streamed=True)


@pytest.fixture(scope="module")
def plug():
    with plug_server({}) as server:
        yield server


@examples(5)
@given(data=changed_json(PLUGS))
def test_a_plug_tells_watts_or_why_not(plug, data):
    class Always(dict):
        def get(self, _path, _default=None):
            return 200, {"Content-Type": "application/json"}, data

    plug.answers = Always()
    address = PlugAddress.of(plug.url)
    for dialect in (*DIALECTS, HOME_ASSISTANT):
        asked = HttpPlug(address, dialect)
        for told in (asked.power_w(), asked.energy_j()):
            assert isinstance(told, Unavailable) or 0 <= told < math.inf
        asked.close()


@pytest.mark.parametrize("count", ["1e308", "1" + "0" * 400, "1e999", "NaN", "-1"])
def test_a_number_that_no_plug_can_count_is_named(plug, count):
    page = f'{{"apower": {count}, "aenergy": {{"total": {count}}}}}'.encode()
    plug.answers = dict.fromkeys(GEN2, (200, {"Content-Type": "application/json"}, page))
    asked = HttpPlug(PlugAddress.of(plug.url), DIALECTS[0])
    for told in (asked.power_w(), asked.energy_j()):
        assert isinstance(told, Unavailable)
        assert "which cannot be" in told.reason
    asked.close()


def test_a_count_too_large_for_a_float_is_no_count():
    assert maybe_count(10**400) is None
    assert maybe_count(math.nan) is None
    assert maybe_count(64.0) == 64
