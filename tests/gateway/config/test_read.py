import pytest

from llamawatt.core.errors import SpecError
from llamawatt.gateway.config.read import costs_of, line_of, read_configuration, single, with_server

GOOD = """\
[server]
port = 8100
policy = "battery"

[[keys]]
name = "me"
sha256 = "%s"

[models.tiny.targets.gpu]
kind = "binary"
server = "llama-server"
model = "tiny.gguf"
settings = { n_parallel = 4, n_gpu_layers = 99 }

[models.tiny.targets.cpu]
model = "smollm2-135m"
resident = true
""" % ("a" * 64)


def read(tmp_path, text):
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    return read_configuration(path)


def test_a_whole_file_is_read(tmp_path):
    found = read(tmp_path, GOOD)
    gpu = found.models["tiny"].targets["gpu"]
    assert (gpu.n_slots, gpu.on_gpu) == (4, True)
    assert costs_of(gpu, tmp_path).gpu_share > 0.5
    assert found.models["tiny"].targets["cpu"].on_gpu is False
    assert with_server(found, {"port": 0}).server.port == 0


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        ("port = 8100", "prot = 8100", 2, "Did you mean port?"),
        ("port = 8100", 'port = "x"', 2, "valid integer"),
        ("port = 8100", "port = 99999", 2, "65535"),
        ('policy = "battery"', 'policy = "cheap"', 3, "latency"),
        ('kind = "binary"', 'kind = "binry"', 10, "binary"),
        ("n_parallel = 4", "n_paralel = 4", 13, "Did you mean n_parallel?"),
        ('model = "tiny.gguf"\n', "", 9, "needs a model"),
        ('server = "llama-server"\n', "", 9, "path of its server"),
        ("resident = true", "residentt = true", 17, "Did you mean resident?"),
        ("[server]", "[sever]", 1, "Did you mean server?"),
        ("sha256 = ", "sha255 = ", 7, "sha256"),
        ("targets.cpu", "targets.gpu2.x", 15, "x"),
    ],
)
def test_a_typo_is_named_with_file_line_and_nearest_key(tmp_path, before, after, line, said):
    with pytest.raises(SpecError) as refused:
        read(tmp_path, GOOD.replace(before, after))
    text = str(refused.value)
    assert f"gateway.toml:{line}: " in text, text
    assert said in text


@pytest.mark.parametrize(
    "text", ["", "[models]", "[server", "x = ", "\x00", "[models.a.targets]\n"]
)
def test_what_is_no_configuration_is_refused(tmp_path, text):
    with pytest.raises(SpecError, match=r"gateway\.toml"):
        read(tmp_path, text)


def test_what_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(SpecError, match="cannot be read"):
        read_configuration(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xe9")
    with pytest.raises(SpecError, match="UTF-8"):
        read_configuration(tmp_path / "latin.toml")


def test_lines_are_found_in_quoted_and_dotted_tables():
    text = '[models."a b".targets.x]\nkind = 1\n[[keys]]\nname = 1\n[[keys]]\nname = 2\n'
    assert line_of(text, ("models", "a b", "targets", "x", "kind")) == 2
    assert line_of(text, ("keys", "1", "name")) == 6


def test_a_profile_names_its_target(tmp_path):
    (tmp_path / "p.toml").write_text(
        "[targets.gpu]\nprefill_j_per_token = 1\nprefill_tokens_per_s = 1\n"
        "batch = [{ n_streams = 1, decode_j_per_token = 2, decode_tokens_per_s = 3 }]\n"
    )
    table = {"model": "m", "profile": "p.toml#gpu"}
    found = single("m", table, {}).models["m"].targets["local"]
    assert costs_of(found, tmp_path).decode_j_per_token() == 2
    wrong = single("m", {"model": "m", "profile": "p.toml#gqu"}, {}).models["m"].targets["local"]
    with pytest.raises(SpecError, match="Did you mean gpu"):
        costs_of(wrong, tmp_path)
