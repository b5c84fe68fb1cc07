"""What `tune` refuses, before anything is fetched or started."""

import pytest

from llamawatt.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--objective", "speed"], "not an objective"),
        (["--objective", "cost"], "price"),
        (["--require", "vibes>=3"], "not measured"),
        (["--require", "tok_per_s"], "cannot be read"),
        (["--budget", "2s"], "too small"),
        (["--budget", "20"], "no unit"),
        (["--set", "n_thread=2"], "no setting"),
        (["--set", "n_parallel=2"], "--streams"),
        (["--streams", "0"], "--streams"),
        (["--check", "/nowhere/profile.json"], "no profile"),
        (["--resume", "/nowhere"], "holds no search"),
    ],
)
def test_bad_input_ends_in_a_sentence(arguments, says, capfd):
    assert main(["tune", *arguments]) == 2
    told = capfd.readouterr()
    assert told.out == ""
    assert says in told.err
    assert "Traceback" not in told.err


def test_a_model_that_is_not_there_is_refused(capfd, tmp_path):
    assert main(["tune", str(tmp_path / "none.gguf")]) == 2
    assert "none.gguf" in capfd.readouterr().err
