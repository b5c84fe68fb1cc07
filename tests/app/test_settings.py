"""What is set once: read from the file and the environment, refused with file, line and cure."""

import stat
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.app import settings
from llamawatt.app.settings import (
    assumed,
    config_file,
    file_settings,
    key_variables,
    save_settings,
    settings_found,
)
from llamawatt.core.errors import UsageError
from llamawatt.core.settings import NO_CURRENCY, SETTINGS


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LLAMAWATT_CONFIG", str(tmp_path / "config"))
    for setting in SETTINGS.values():
        monkeypatch.delenv(setting.variable, raising=False)
    return tmp_path / "config"


def write(folder, text):
    folder.mkdir(exist_ok=True)
    data = text if isinstance(text, bytes) else text.encode()
    (folder / "config.toml").write_bytes(data)


def test_nothing_is_set_where_there_is_no_file():
    assert settings_found() == {}
    assert assumed().numbers == {}
    assert assumed().currency == NO_CURRENCY


def test_every_example_is_possible_and_comes_back(folder):
    values = {key: s.value(s.example, "example") for key, s in SETTINGS.items()}
    save_settings(config_file(), values)
    assert {key: found.value for key, found in settings_found().items()} == values
    assert settings_found()["currency"].where == f"{folder / 'config.toml'}:2"


def test_an_option_goes_before_the_environment_and_that_before_the_file(folder, monkeypatch):
    write(folder, "price_per_kwh = 0.1\ncarbon_g_per_kwh = 100\nbattery_wh = 50\n")
    monkeypatch.setenv("LLAMAWATT_PRICE_PER_KWH", "0.2")
    monkeypatch.setenv("LLAMAWATT_CARBON_G_PER_KWH", "200")
    monkeypatch.setenv("LLAMAWATT_CURRENCY", " ")
    found = assumed(["price_per_kwh=0.3", "currency=CHF"])
    assert found.numbers == {"price_per_kwh": 0.3, "carbon_g_per_kwh": 200.0, "battery_wh": 50.0}
    assert found.currency == "CHF"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n# mine\npric_per_kwh = 0.3\n", r"config\.toml:3: 'pric_per_kwh' .* mean price_per_kwh"),
        ("currency = 'EUR'\nprice = 1\n", r"config\.toml:2: 'price' .* mean price_per_kwh"),
        ("[prices]\nprice_per_kwh = 1\n", r"config\.toml:1: 'prices'"),
        ("price_per_kwh = 0\n", r"config\.toml:1: price_per_kwh is 0, .* above zero"),
        ("price_per_kwh = -0.3\n", "above zero"),
        ("price_per_kwh = nan\n", "above zero"),
        ("price_per_kwh = inf\n", "above zero"),
        ("price_per_kwh = true\n", "above zero"),
        ("price_per_kwh = [1]\n", "above zero"),
        ("price_per_kwh = 'cheap'\n", "above zero"),
        ("battery_wh = 1" + "0" * 400, "above zero"),
        ("currency = 'dollars and cents'\n", "a currency"),
        ("wall = 'ftp://x'\n", "begins with http"),
        ("api_key_name = 'sk-12345678'\n", "not a key"),
        ("price_per_kwh = \n", r"config\.toml is not valid TOML .*line 1"),
        ("price_per_kwh = 1\nprice_per_kwh = 2\n", r"not valid TOML .*line 2"),
        (b"\xff\xfe", "not valid TOML"),
        ("a = " + "[" * 100_000, "not valid TOML"),
    ],
)
def test_a_file_that_does_not_hold_is_refused(folder, text, said):
    write(folder, text)
    with pytest.raises(UsageError, match=said) as caught:
        settings_found()
    assert str(folder / "config.toml") in str(caught.value)


@pytest.mark.parametrize("typed", ["0", "-1", "abc", "nan", "1e400", "0x3", "1_0e99"])
@pytest.mark.parametrize("key", ["price_per_kwh", "carbon_g_per_kwh", "battery_wh", "cpu_max_w"])
def test_a_number_that_is_none_is_refused_wherever_it_is_typed(key, typed, monkeypatch):
    monkeypatch.setenv(SETTINGS[key].variable, typed)
    with pytest.raises(UsageError, match=f"{SETTINGS[key].variable}: {key} is .* above zero"):
        settings_found()


@pytest.mark.parametrize("pair", ["price_per_kwh", "cpu_max_w=65", "price=1", "=1", "currency="])
def test_what_no_figure_is_worked_out_with_is_no_assumption(pair):
    with pytest.raises(UsageError, match="--assume"):
        assumed([pair])


def test_a_change_leaves_the_rest_of_the_file_alone(folder):
    write(folder, "# mine\nprice_per_kwh = 0.1  # cheap\n\nwall = 'http://plug'\n")
    save_settings(config_file(), {"price_per_kwh": 0.25, "currency": "EUR", "wall": None})
    text = (folder / "config.toml").read_text()
    assert text == '# mine\nprice_per_kwh = 0.25\n\ncurrency = "EUR"\n'


@given(value=st.text(st.characters(exclude_characters="\0\n\r", exclude_categories=["C", "Z"])))
def test_any_path_comes_back(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("config") / "config.toml"
    if value.strip():
        save_settings(path, {"server": value})
        assert file_settings(path)["server"].value == value


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX modes")
def test_a_password_in_an_address_is_for_its_owner_alone():
    save_settings(config_file(), {"wall": "http://me:secret@plug"})
    assert stat.S_IMODE(config_file().stat().st_mode) == 0o600


def test_a_key_is_found_by_its_own_name(monkeypatch):
    monkeypatch.setenv("MY_KEY", "k")
    monkeypatch.delenv("LLAMAWATT_API_KEY", raising=False)
    assert "LLAMAWATT_API_KEY" not in key_variables()
    save_settings(config_file(), {"api_key_name": "MY_KEY"})
    assert key_variables()["LLAMAWATT_API_KEY"] == "k"
    monkeypatch.setenv("LLAMAWATT_API_KEY", "typed")
    assert key_variables()["LLAMAWATT_API_KEY"] == "typed"


def test_a_file_that_cannot_be_read_or_written_is_named(folder, monkeypatch):
    (folder / "config.toml").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"Could not read .*config\.toml"):
        settings_found()
    with pytest.raises(UsageError, match=r"Could not read .*config\.toml"):
        save_settings(config_file(), {"battery_wh": 1.0})
    blocked = folder / "config.toml"
    monkeypatch.setattr(settings, "config_file", lambda: blocked / "x")
    with pytest.raises(UsageError, match="Could not write"):
        save_settings(folder / "config.toml" / "config.toml" / ("x" * 300), {"battery_wh": 1.0})
