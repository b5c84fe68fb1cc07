from llamawatt.gateway.pool.prefixes import PrefixMemory, n_chars, prefixes


def chat(*texts):
    return {"messages": [{"role": "user", "content": text} for text in texts]}


def test_a_conversation_is_known_by_its_beginning():
    memory = PrefixMemory(2)
    memory.served(prefixes(chat("hello", "and")))
    longer = prefixes(chat("hello", "and", "then"))
    assert 0 < memory.cached_chars(longer) == n_chars(chat("hello", "and"))
    assert memory.cached_chars(prefixes(chat("other", "and"))) == 0
    memory.served(prefixes(chat("b")))
    memory.served(prefixes(chat("c")))
    assert memory.cached_chars(longer) == 0  # its slot serves another
    memory.served(prefixes(chat("hello")))
    memory.forget()
    assert memory.cached_chars(longer) == 0


def test_prompts_of_every_form_have_beginnings():
    assert n_chars({"prompt": "x" * 2000}) == 2000
    assert len(prefixes({"prompt": "x" * 2000})) == 4
    assert prefixes({"prompt": ""}) == ()
    for odd in (
        {},
        {"prompt": [1, 2]},
        {"input": ["a", "b"]},
        {"messages": 3},
        {"messages": [None]},
    ):
        prefixes(odd)
