"""A tuned setting in the words of other programs, and what has none there."""

import configparser
import json
import shlex
from pathlib import Path

import pytest
import yaml

from llamawatt.app.profiles.profile import (
    VERSION,
    Profile,
    ProfileModel,
    read_profile,
    write_profile,
)
from llamawatt.core.errors import SpecError, UsageError
from llamawatt.targets.embedded import parser
from llamawatt.targets.spec import make_spec
from llamawatt.tune.checking import knobs_between
from llamawatt.tune.handover import llama_server, llama_swap, lm_studio, ollama
from llamawatt.tune.handover.form import Tuned
from llamawatt.tune.telling.handing_over import hand_overs

SETTINGS = {
    "n_threads": 4, "n_threads_batch": 8, "n_gpu_layers": 11, "n_ctx": 8192, "n_parallel": 4,
    "flash_attn": "on", "cache_type_k": "q8_0", "cache_type_v": "q8_0", "kv_unified": True,
    "env": "OMP_WAIT_POLICY=PASSIVE", "top_k": 40, "n_batch": 512,
}  # fmt: skip


def tuned(**settings) -> Tuned:
    return Tuned("m", Path("/models/a b.gguf"), make_spec({**SETTINGS, **settings}), 22)


def test_the_command_runs_and_says_all_that_was_tuned():
    made = llama_server.command(tuned())
    line = made.text.splitlines()[-1]
    words = shlex.split(line)
    assert words[:2] == ["OMP_WAIT_POLICY=PASSIVE", "llama-server"]
    flags = parser().parse_args(words[2:])
    assert (flags.model, flags.threads, flags.threads_batch) == ("/models/a b.gguf", 4, 8)
    assert (flags.n_gpu_layers, flags.ctx_size, flags.parallel) == (11, 8192, 4)
    assert flags.kv_unified is True
    assert made.unmapped == ("top_k=40",)
    assert "top_k=40" in made.advice


def test_several_servers_are_several_commands_on_ports_of_their_own():
    made = llama_server.command(tuned(n_servers=2))
    lines = [line for line in made.text.splitlines() if "llama-server" in line]
    assert len(lines) == 2
    assert lines[0].endswith("&")
    ports = [parser().parse_args(shlex.split(x.rstrip("&"))[2:]).port for x in lines]
    assert ports == [8080, 8081]
    assert all("--parallel 2" in line for line in lines)


def test_the_preset_is_an_ini_section_of_long_flags():
    made = llama_server.preset(tuned(kv_unified=False))
    read = configparser.ConfigParser(delimiters=("=",))
    read.read_string("[top]\n" + made.text)
    section = dict(read["m"])
    assert section["model"] == "/models/a b.gguf"
    assert section["threads"] == "4"
    assert section["no-kv-unified"] == "true"
    assert "env=OMP_WAIT_POLICY=PASSIVE" in made.unmapped
    assert "OMP_WAIT_POLICY=PASSIVE" in made.advice


def test_the_modelfile_and_its_servers_environment():
    made = ollama.modelfile(tuned())
    assert "FROM /models/a b.gguf" in made.text
    assert "PARAMETER num_ctx 2048" in made.text  # of one stream
    assert "PARAMETER num_gpu 11" in made.text
    assert "PARAMETER num_thread 4" in made.text
    for variable in (
        "OLLAMA_NUM_PARALLEL=4", "OLLAMA_FLASH_ATTENTION=1", "OLLAMA_KV_CACHE_TYPE=q8_0",
        "OMP_WAIT_POLICY=PASSIVE",
    ):  # fmt: skip
        assert variable in made.advice
    assert set(made.unmapped) == {"n_threads_batch=8", "kv_unified=True"}
    assert "n_threads_batch=8" in made.text


def test_unlike_types_of_keys_and_values_do_not_map_to_ollama():
    made = ollama.modelfile(tuned(cache_type_v="f16"))
    assert "OLLAMA_KV_CACHE_TYPE" not in made.advice
    assert "cache_type_k=q8_0" in made.unmapped


def test_lm_studio_gets_its_load_configuration():
    made = lm_studio.load_config(tuned())
    config = json.loads(made.text)["config"]
    assert config["contextLength"] == 2048
    assert config["gpu"] == {"ratio": 0.5}
    assert config["flashAttention"] is True
    assert config["llamaKCacheQuantizationType"] == "q8_0"
    assert "n_threads=4" in made.unmapped
    assert "threads to 4" in made.advice
    off = json.loads(lm_studio.load_config(tuned(n_gpu_layers=0, device="none")).text)
    assert off["config"]["gpu"] == {"ratio": "off"}
    every = json.loads(lm_studio.load_config(tuned(n_gpu_layers=23)).text)
    assert every["config"]["gpu"] == {"ratio": "max"}


def test_llama_swap_chooses_the_port():
    made = llama_swap.model(tuned())
    entry = yaml.safe_load(made.text)["models"]["m"]
    words = shlex.split(entry["cmd"])
    assert words[-2:] == ["--port", "${PORT}"]
    assert words.count("--port") == 1
    assert words[words.index("--model") + 1] == "/models/a b.gguf"
    assert entry["env"] == ["OMP_WAIT_POLICY=PASSIVE"]
    assert made.unmapped == ("top_k=40",)


def test_every_setting_is_mapped_or_named_as_unmapped():
    for made in hand_overs(tuned(spec_type="ngram-simple", cpu_mask="F")):
        said = made.text + " ".join(made.unmapped)
        for name in ("spec_type", "cpu_mask"):
            flag = name.replace("_", "-")
            assert name in said or flag in said, (made.program, name)


PROFILE = Profile(
    VERSION, ProfileModel("m", "m.gguf", "/models/m.gguf", ""), {"n_threads": 2, "n_ctx": 2048},
    "energy", default={"n_ctx": 2048, "env": "A=b"},
)  # fmt: skip


def test_a_profile_reads_back_from_its_file_or_folder(tmp_path):
    write_profile(tmp_path / "profile.json", PROFILE)
    assert read_profile(tmp_path) == read_profile(tmp_path / "profile.json") == PROFILE


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", '{"schema": 99}', "\x00", '{"schema": 1, "settings": {"n_threads": -1}}'],
)
def test_a_broken_profile_is_refused_in_words(tmp_path, text):
    path = tmp_path / "profile.json"
    path.write_text(text)
    with pytest.raises(SpecError):
        read_profile(path)


def test_a_profile_of_a_newer_version_or_with_wrong_settings_is_refused(tmp_path):
    from dataclasses import replace

    write_profile(tmp_path / "profile.json", replace(PROFILE, schema=VERSION + 1))
    with pytest.raises(SpecError, match="version"):
        read_profile(tmp_path)
    write_profile(tmp_path / "profile.json", replace(PROFILE, settings={"n_threads": -4}))
    with pytest.raises(SpecError, match="n_threads"):
        read_profile(tmp_path)


def test_no_profile_is_said(tmp_path):
    with pytest.raises(SpecError, match="no profile"):
        read_profile(tmp_path / "gone.json")


def test_what_differs_from_the_default_is_held_against_it():
    knobs = {knob.name: knob.values for knob in knobs_between(PROFILE)}
    assert knobs == {"n_threads": (None, 2), "env": ("A=b", None)}


def test_a_profile_of_the_default_has_nothing_to_check():
    from dataclasses import replace

    with pytest.raises(UsageError, match="default itself"):
        knobs_between(replace(PROFILE, settings=dict(PROFILE.default)))
