import pytest

from llamawatt.core.errors import SpecError
from llamawatt.gateway.profile_file import read_profile


def test_the_profile_that_comes_along_is_whole():
    costs = read_profile()
    assert costs["gpu"].break_even_s == pytest.approx(2.3, abs=0.1)
    assert costs["gpu"].decode_j_per_token(32) < costs["gpu"].decode_j_per_token() / 10


def test_a_broken_profile_is_refused_with_its_field(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text("[targets.a]\nprefil_j_per_token = 1\n")
    with pytest.raises(SpecError, match=r"p\.toml"):
        read_profile(path)
    path.write_text("[targets\n")
    with pytest.raises(SpecError, match="no TOML"):
        read_profile(path)
