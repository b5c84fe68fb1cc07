"""Models that cannot be run are refused before a server starts, with the cure."""

from pathlib import Path

import pytest

from llamawatt.app.serving import Serving
from llamawatt.app.sources import find_models
from llamawatt.core.errors import ModelError
from tests.models.ggufs import with_types, write_model

TENSORS = {"output.weight": ((8, 64), "Q8_0")}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMAWATT_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("architecture", "facts", "why"),
    [
        ("bert", {"bert.attention.causal": False}, "both directions"),
        ("llama", {"general.type": "adapter"}, "LoRA"),
        ("clip", {"general.type": "mmproj"}, "projector"),
    ],
)
def test_what_does_not_generate_is_refused(
    tmp_path: Path, architecture: str, facts: dict, why: str
) -> None:
    path = write_model(tmp_path / "m.gguf", TENSORS, facts, None, architecture)
    with pytest.raises(ModelError, match=f"does not generate text: .*{why}"):
        find_models((str(path),), Serving())


@pytest.mark.parametrize(("type_id", "name"), [(144, "IQ4_KS"), (31, "Q4_0_4_4"), (139, "IQ4_K")])
def test_a_fork_s_types_need_the_user_s_server(tmp_path: Path, type_id: int, name: str) -> None:
    path = with_types(write_model(tmp_path / "m.gguf", TENSORS), {"output.weight": type_id})
    with pytest.raises(ModelError, match=f"cannot run .*{name}.*--server"):
        find_models((str(path),), Serving())
    found = find_models((str(path),), Serving(server=Path("/my/llama-server")))
    assert name in found["m"].record.warnings[0]
    assert found["m"].record.quantization == name


def test_a_type_that_nobody_knows_is_left_to_llama_cpp(tmp_path: Path) -> None:
    path = with_types(write_model(tmp_path / "m.gguf", TENSORS), {"output.weight": 250})
    assert "not known here" in find_models((str(path),), Serving())["m"].record.warnings[0]
