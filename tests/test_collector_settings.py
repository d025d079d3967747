# SPDX-License-Identifier: Apache-2.0
"""collector.toml: what is right becomes one value, what is wrong is named in both languages."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collector.settings import Settings, SettingsError, in_zone, load_settings


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "collector.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_not_said_has_a_safe_value(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, 'facility = "東山台病院"\nhost_names = ["daicho.example"]'))
    assert settings == Settings(facility="東山台病院", host_names=("daicho.example",))
    assert (settings.host, settings.port, settings.language) == ("127.0.0.1", 8000, "ja")
    assert settings.allowed_hosts >= {"localhost", "127.0.0.1", "daicho.example"}


def test_times_are_read_on_the_clock_of_the_facility() -> None:
    noon = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
    assert in_zone(noon, Settings().zone).utcoffset() == timedelta(hours=9)
    assert in_zone(noon.replace(tzinfo=None), Settings().zone).hour == 12


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('ledgr = "x"', "ledgr"),
        ("port = 0", "port"),
        ("scan_days = 0", "scan_days"),
        ("scan_days = 1.5", "scan_days"),
        ("port = true", "port"),
        ('port = "80"', "port"),
        ('language = "fr"', "language"),
        ('time_zone = "Mars/Olympus"', "time_zone"),
        ('time_zone = "../../etc/passwd"', "time_zone"),
        ("ledger = 3", "ledger"),
        ("host_names = [1]", "host_names"),
        ('host = "0.0.0.0"', "0.0.0.0"),
        ('host = "hospital.example"', "hospital.example"),
        ("not toml", "collector.toml"),
    ],
)
def test_what_is_wrong_is_named_in_both_languages(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(write(tmp_path, text))
    assert named in caught.value.ja
    assert named in caught.value.en


def test_a_slip_of_the_pen_gets_a_hint(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(write(tmp_path, 'facilty = "x"'))
    assert "facility" in caught.value.ja


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml"):
        load_settings(tmp_path / "none.toml")


def test_beyond_this_machine_an_address_and_a_name(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, 'host = "192.0.2.1"')).allowed_hosts >= {"192.0.2.1"}
    anywhere = load_settings(write(tmp_path, 'host = "0.0.0.0"\nhost_names = ["daicho.example"]'))
    assert "daicho.example" in anywhere.allowed_hosts
    with pytest.raises(SettingsError, match="host_names"):
        load_settings(write(tmp_path, 'host = "::"'))


@pytest.mark.parametrize("proxy", ['"10.0.0.0/8"', '"*"', '"proxy.example"', "5", '""'])
def test_only_single_addresses_are_proxies(tmp_path: Path, proxy: str) -> None:
    with pytest.raises(SettingsError, match="behind_proxy"):
        load_settings(write(tmp_path, f"behind_proxy = [{proxy}]"))
