"""What was judged passes through the run directory unchanged, or is named as broken."""

from dataclasses import replace

import pytest

from llamawatt.core.errors import RunDirectoryError
from llamawatt.core.plan import QualityRecord
from llamawatt.runs.quality import QUALITY_FILE, read_quality, write_quality
from llamawatt.runs.store import RunWriter, read_run
from tests.runs.records import machine, study

JUDGED = QualityRecord("m", 20.5, 19.0, 22.25, 1.25, 0.125, 0.1, 0.15, 1.5, 0.75, "big", "text",
                       4096, "library 1")  # fmt: skip
SKIPPED = QualityRecord("n", not_judged="its weights are random")


def test_a_run_that_was_not_judged_has_no_quality(tmp_path):
    RunWriter.create(tmp_path, study(), machine()).close()
    assert read_run(tmp_path).quality == ()
    assert read_quality(tmp_path) == ()


def test_what_is_written_is_read(tmp_path):
    writer = RunWriter.create(tmp_path, study(), machine())
    writer.set_quality((SKIPPED,))
    writer.set_quality((JUDGED, SKIPPED))
    writer.close()
    assert read_run(tmp_path).quality == (JUDGED, SKIPPED)
    assert [path.name for path in tmp_path.glob("quality*")] == [QUALITY_FILE]


def test_what_was_judged_before_there_were_settings_is_still_read(tmp_path):
    (tmp_path / QUALITY_FILE).write_text('{"schema": 1, "models": [{"model": "m", "kld": 0.5}]}')
    (found,) = read_quality(tmp_path)
    assert (found.cache_type_k, found.cache_type_v, found.flash_attn) == ("f16", "f16", "auto")
    assert (found.among, found.n_ctx) == ("models", None)


def test_a_setting_passes_unchanged(tmp_path):
    setting = replace(JUDGED, cache_type_k="q8_0", flash_attn="on", n_ctx=1024, among="settings")
    write_quality(tmp_path, (JUDGED, setting))
    assert read_quality(tmp_path) == (JUDGED, setting)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not valid JSON"),
        ('{"schema": 1, "models"', "not valid JSON"),
        ("[1]", "got array"),
        ('{"models": []}', "missing required field schema"),
        ('{"schema": 99, "models": []}', "schema 99"),
        ('{"schema": 1}', "models"),
        ('{"schema": 1, "models": [{"model": "m", "kld": "low"}]}', r"models.*kld"),
        ('{"schema": 1, "models": [{"kld": 1}]}', "missing required field model"),
    ],
)
def test_a_broken_file_is_one_sentence(tmp_path, text, said):
    (tmp_path / QUALITY_FILE).write_text(text)
    with pytest.raises(RunDirectoryError, match=said) as caught:
        read_quality(tmp_path)
    assert QUALITY_FILE in str(caught.value)


def test_a_file_that_cannot_be_read_or_written_is_one_sentence(tmp_path):
    (tmp_path / QUALITY_FILE).mkdir()
    with pytest.raises(RunDirectoryError, match="Could not read"):
        read_quality(tmp_path)
    with pytest.raises(RunDirectoryError, match="Could not write"):
        write_quality(tmp_path, (replace(JUDGED, kld=None),))
