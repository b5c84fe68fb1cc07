import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from llamawatt.gateway.server.events import EventTap
from llamawatt.gateway.server.told import told_by

EVENTS = [
    b'data: {"choices":[{"delta":{"content":"data: [DONE]"}}]}\n\n',
    b"event: x\r\ndata: {}\r\n\r\n",
    b": a comment\n\n",
    b'data: {"usage":{"prompt_tokens":5,"completion_tokens":7}}\n\n',
    b'data: {"timings":{"prompt_n":3,"cache_n":2,"predicted_n":9,"prompt_ms":10}}\n\n',
]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@given(
    events=st.lists(st.sampled_from(EVENTS), max_size=12),
    done=st.booleans(),
    places=st.lists(st.integers(0, 10_000), max_size=12),
    broken=st.binary(max_size=9),
)
def test_every_byte_comes_out_in_order_however_it_is_cut(events, done, places, broken):
    data = b"".join(events) + (b"data: [DONE]\n\n" if done else broken)
    tap = EventTap()
    passed = b"".join(tap.feed(chunk) for chunk in cut(data, places))
    held = tap.end()
    assert passed + held == data
    if done:
        assert held == b"data: [DONE]\n\n"


def test_tokens_and_counts_are_read_of_every_form():
    tap = EventTap()
    tap.feed(b"".join(EVENTS) + b"data: [DONE]\n\n")
    told = tap.told()
    assert (told.n_prompt, told.n_generated, told.n_cached) == (5, 7, 2)
    assert tap.n_events == 4
    anthropic = (
        b'{"type":"message_start","message":{"usage":{"input_tokens":11,"output_tokens":1}}}',
        b'{"type":"message_delta","usage":{"output_tokens":21}}',
    )
    assert (told_by(*anthropic).n_prompt, told_by(*anthropic).n_generated) == (11, 21)
    responses = (
        b'{"type":"response.completed","response":{"usage":{"input_tokens":4,"output_tokens":6}}}'
    )
    assert told_by(responses).n_generated == 6


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda v: (
            st.lists(v)
            | st.dictionaries(
                st.sampled_from(["usage", "timings", "message", "response", "prompt_tokens"]), v
            )
        ),
    )
)
def test_no_answer_breaks_the_reading(answer):
    told_by(json.dumps(answer).encode(), b"", b"[", b"\xff")
