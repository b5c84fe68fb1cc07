"""A folder in place of a server: the answer names the file to give."""

from pathlib import Path

import pytest

from llamawatt.core.errors import UsageError
from llamawatt.targets.launcher import binary_program


def test_a_folder_says_which_file_to_name(tmp_path: Path) -> None:
    program = tmp_path / "build" / "bin" / "llama-server"
    program.parent.mkdir(parents=True)
    program.touch()
    with pytest.raises(UsageError, match="is a folder") as caught:
        binary_program(tmp_path)
    assert f"--server {program}" in caught.value.remedy


def test_a_folder_without_a_server_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        binary_program(tmp_path)
    assert "No llama-server is in it" in caught.value.remedy
