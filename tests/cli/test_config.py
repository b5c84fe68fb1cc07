import json
import os

import pytest

from llamawatt.cli.main import main
from llamawatt.core.settings import SETTINGS


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LLAMAWATT_CONFIG", str(tmp_path))
    monkeypatch.delenv("LLAMAWATT_PRICE_PER_KWH", raising=False)
    return tmp_path


def said(capsys, *arguments):
    code = main(["config", *arguments])
    return code, capsys.readouterr()


def test_what_is_set_is_shown_with_where(capsys, folder, monkeypatch):
    assert said(capsys, "price_per_kwh=0.3", "currency=EUR")[0] == 0
    monkeypatch.setenv("LLAMAWATT_BATTERY_WH", "60")
    code, out = said(capsys, "--json")
    found = json.loads(out.out)
    assert code == 0
    assert set(found["settings"]) == set(SETTINGS)
    price = {"value": 0.3, "where": f"{folder / 'config.toml'}:1"}
    assert found["settings"]["price_per_kwh"] == price
    assert found["settings"]["battery_wh"]["where"] == "environment variable LLAMAWATT_BATTERY_WH"
    assert found["settings"]["wall"] is None
    shown = said(capsys)[1].out
    assert all(key in shown for key in SETTINGS)
    assert "0.3" in shown
    assert "Set by LLAMAWATT_BATTERY_WH" in " ".join(shown.split())


def test_what_is_unset_is_forgotten(capsys, folder):
    said(capsys, "price_per_kwh=0.3", "battery_wh=50")
    assert said(capsys, "--unset", "price_per_kwh")[0] == 0
    assert (folder / "config.toml").read_text() == "battery_wh = 50\n"


@pytest.mark.parametrize("pair", ["price_per_kwh=0", "price_per_kwh=x", "price=1", "price_per_kwh"])
def test_what_is_not_possible_changes_nothing(capsys, folder, pair):
    code, out = said(capsys, pair)
    assert code == 2
    assert out.err.count("\n") == 2
    assert "price_per_kwh" in out.err
    assert os.listdir(folder) == []


def test_a_wrong_line_can_be_mended_by_setting_it_right(capsys, folder):
    (folder / "config.toml").write_text("price_per_kwh = -1\n")
    assert said(capsys)[0] == 2
    assert said(capsys, "price_per_kwh=0.3")[0] == 0


def test_a_password_in_an_address_is_not_shown(capsys):
    said(capsys, "wall=http://me:hunter2@192.0.2.1")
    for arguments in ((), ("--json",)):
        assert "hunter2" not in said(capsys, *arguments)[1].out


def test_what_is_set_stands_in_for_options(capsys, folder):
    (folder / "config.toml").write_text("server = '/nowhere/llama-server'\n")
    assert main(["bench", "--quick", "--out", str(folder / "r")]) == 2
    assert "/nowhere/llama-server" in capsys.readouterr().err
