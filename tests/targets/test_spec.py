"""Settings become llama-server's flags, and what does not hold is said."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.errors import SpecError
from llamawatt.targets.embedded import parser
from llamawatt.targets.spec import (
    FLAGS,
    NEGATIONS,
    OWN_FLAGS,
    REQUEST_SETTINGS,
    TargetSpec,
    make_spec,
    to_flags,
)

SETTINGS = {
    "n_threads": 3,
    "n_threads_batch": 4,
    "n_gpu_layers": 12,
    "device": "CUDA0",
    "n_batch": 256,
    "n_ubatch": 128,
    "flash_attn": "on",
    "cache_type_k": "q8_0",
    "cache_type_v": "q8_0",
    "n_parallel": 2,
    "n_ctx": 4096,
    "cpu_mask": "0x3",
    "poll": 0,
    "n_threads_http": 2,
    "n_cpu_moe": 3,
    "fit": "off",
    "cache_reuse": 64,
    "spec_type": "ngram-simple",
}
SWITCHED = {"kv_unified": True, "backend_sampling": True}
NO_FLAGS = {"extra", "env", "n_servers", *REQUEST_SETTINGS}


def flags_of(**settings: object) -> list[str]:
    return to_flags(make_spec(settings), Path("m.gguf"), "127.0.0.1", 18100)


def test_every_setting_has_a_flag_and_this_test_sets_them_all() -> None:
    set_here = {*SETTINGS, *SWITCHED}
    assert set(FLAGS) == set(TargetSpec.model_fields) - NO_FLAGS == set_here
    assert set(SWITCHED) == set(NEGATIONS)


def test_settings_become_flags_and_extra_flags_stay_verbatim() -> None:
    flags = flags_of(**SETTINGS, extra=("--no-warmup", "--sleep-idle-seconds", "3"))
    pairs = dict(zip(flags[::2], flags[1::2], strict=False))
    assert pairs["--model"] == "m.gguf"
    assert pairs["--port"] == "18100"
    assert {FLAGS[name]: str(value) for name, value in SETTINGS.items()}.items() <= pairs.items()
    assert flags[-3:] == ["--no-warmup", "--sleep-idle-seconds", "3"]


def test_what_is_not_set_is_left_to_llama_cpp() -> None:
    assert flags_of() == ["--model", "m.gguf", "--host", "127.0.0.1", "--port", "18100"]


def test_no_layers_on_the_gpu_is_not_taken_for_no_gpu() -> None:
    assert "--device" not in flags_of(n_gpu_layers=0)


@pytest.mark.parametrize(
    ("settings", "flags"),
    [
        ({"kv_unified": True}, ["--kv-unified"]),
        ({"kv_unified": False}, ["--no-kv-unified"]),
        ({"backend_sampling": True}, ["--backend-sampling"]),
        ({"backend_sampling": False}, []),
        ({"env": {"OMP_WAIT_POLICY": "PASSIVE"}, "samplers": ["top_k"], "top_k": 1}, []),
    ],
)
def test_switches_have_no_value_and_requests_no_flag(
    settings: dict[str, object], flags: list[str]
) -> None:
    assert flags_of(**settings)[6:] == flags


def test_what_travels_with_a_request_is_apart_from_what_starts_a_server() -> None:
    spec = make_spec({"n_threads": 1, "samplers": "top_k;top_p", "top_k": 1, "env": {"A": "b c"}})
    assert spec.server_settings() == {"n_threads": 1, "env": "A='b c'"}
    assert spec.request_settings() == {"samplers": ["top_k", "top_p"], "top_k": 1}
    assert spec.served_as(make_spec({"n_threads": 1, "env": "A='b c'", "min_p": 0.7}))
    assert not spec.served_as(make_spec({"n_threads": 2, "env": "A='b c'"}))


def test_servers_that_share_the_streams_have_equal_parts() -> None:
    spec = make_spec({"n_servers": 2, "n_parallel": 64, "n_ctx": 131072, "n_threads": 1})
    each = spec.of_each_server()
    assert each.settings() == {"n_threads": 1, "n_parallel": 32, "n_ctx": 65536}
    assert make_spec({"n_threads": 3}).of_each_server() == make_spec({"n_threads": 3})


@given(
    st.dictionaries(
        st.from_regex(r"\A[A-Z_][A-Z0-9_]{0,8}\Z").filter(lambda n: not n.startswith("LLAMA")),
        st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12),
        max_size=4,
    )
)
def test_an_environment_is_read_back_as_it_was_recorded(env: dict[str, str]) -> None:
    spec = make_spec({"env": env})
    assert dict(spec.env) == env
    assert make_spec(spec.settings()) == spec


def test_yaml_reads_on_as_true_and_means_on() -> None:
    assert make_spec({"fit": True, "flash_attn": False}).settings() == {
        "fit": "on",
        "flash_attn": "off",
    }


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"n_threads": -1}, "n_threads=-1 does not hold"),
        ({"n_threads": 0}, "n_threads=0"),
        ({"n_threads": 2.5}, "n_threads=2.5"),
        ({"n_gpu_layers": -3}, "n_gpu_layers=-3"),
        ({"poll": 101}, "poll=101"),
        ({"cpu_mask": "zz"}, "cpu_mask='zz'"),
        ({"flash_attn": "yes"}, "flash_attn='yes'"),
        ({"cache_type_k": "q9"}, "cache_type_k='q9'"),
        ({"threads": 2}, "no setting 'threads'. Did you mean n_threads"),
        ({"device": "none", "n_gpu_layers": 4}, "device=none leaves no GPU"),
        ({"n_servers": 3, "n_parallel": 4}, "4 streams cannot be shared evenly by 3 servers"),
        ({"n_servers": 2}, "1 streams cannot be shared evenly"),
        ({"env": {"LLAMA_ARG_THREADS": 1}}, "LLAMA_ARG_THREADS sets a flag"),
        ({"env": {"LLAMA_API_KEY": "k"}}, "LLAMA_API_KEY sets a flag"),
        ({"env": "OMP_WAIT_POLICY"}, "write it as NAME=VALUE"),
        ({"env": {"a b": "c"}}, "env="),
        ({"samplers": "topk"}, "samplers='topk' does not hold"),
        ({"top_p": 1.5}, "top_p=1.5"),
        ({"n_threads": {"a": 1}}, "n_threads="),
        ({"extra": ("--api-key", "k")}, "--api-key belongs to the key"),
        ({"extra": ("-ngl", "99")}, "-ngl belongs to n_gpu_layers"),
        ({"extra": ("--port=80",)}, "--port=80 belongs to the address"),
    ],
)
def test_what_does_not_hold_is_named(settings: dict[str, object], complaint: str) -> None:
    with pytest.raises(SpecError, match=complaint):
        make_spec(settings)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "n_threads": st.integers(1, 512),
            "n_gpu_layers": st.integers(0, 200),
            "n_batch": st.integers(1, 8192),
            "n_parallel": st.integers(1, 256),
            "cache_type_v": st.sampled_from(["f16", "q8_0", "q4_0"]),
            "cpu_mask": st.from_regex(r"\A[0-9a-f]{1,16}\Z"),
        },
    )
)
def test_the_embedded_server_reads_back_what_was_set(settings: dict[str, object]) -> None:
    read = parser().parse_args(to_flags(make_spec(settings), Path("m.gguf"), "127.0.0.1", 1))
    names = {name: FLAGS[name].removeprefix("--").replace("-", "_") for name in settings}
    assert {name: getattr(read, names[name]) for name in settings} == settings


def test_the_embedded_server_knows_every_spelling_of_its_own_flags() -> None:
    known = set(parser()._option_string_actions)
    assert set(OWN_FLAGS) <= known


def test_the_settings_are_told_as_plain_values() -> None:
    spec = make_spec({"n_threads": 2, "extra": ("--no-warmup", "-nkvo")})
    assert spec.settings() == {"n_threads": 2, "extra": "--no-warmup -nkvo"}
    assert make_spec(spec.settings()) == spec


def test_extra_flags_may_be_one_text_as_a_shell_takes_it() -> None:
    spec = make_spec({"extra": "--chat-template-file 'my template.jinja' --no-warmup"})
    assert spec.extra == ("--chat-template-file", "my template.jinja", "--no-warmup")
    assert make_spec(spec.settings()) == spec
