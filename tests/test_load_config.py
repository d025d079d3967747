# SPDX-License-Identifier: Apache-2.0
"""`daicho load config` and `daicho read --config` as a person uses them."""

import json
import os
from datetime import date
from pathlib import Path

import pytest

from inventory_db import ledger as ledgers
from inventory_db import observations
from inventory_db.stated import Configuration
from inventory_db.statements import standing
from inventory_db.tables import open_ledger, writing
from tests.cli_cases import assert_two_sentences, daicho
from tests.configuration_files import FOLDER
from tests.inventory_cases import arp, upload

RTX, ASA = str(FOLDER / "rtx1220.conf"), str(FOLDER / "asa.conf")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "l.sqlite"
    with writing(open_ledger(path)) as connection:
        seen = (arp("10.1.0.1", "00:00:5e:00:53:01"), arp("10.1.0.9", "00:00:5e:00:53:02"))
        observations.append(connection, upload(*seen))
        ledgers.refresh(connection)
    return path


def kept(path: Path) -> dict[str, Configuration]:
    with open_ledger(path).connect() as connection:
        return {key: one.said for key, one in standing(connection, Configuration).items()}


def device_at(path: Path, ip: str) -> str:
    with open_ledger(path).connect() as connection:
        return next(one.id for one in ledgers.devices(connection) if one.addresses[0].ip == ip)


def test_a_configuration_is_shown_and_kept_without_the_file(ledger: Path) -> None:
    ended = daicho(
        "load",
        "config",
        RTX,
        "--ledger",
        str(ledger),
        "--device",
        "10.1.0.1",
        "--who",
        "佐藤",
        cwd=ledger.parent,
    )
    assert ended.returncode == 0, ended.stderr
    assert "Yamaha RTX1220 RT 15.04.03（2024-04-01 取得）" in ended.stdout, "the file says when it was taken"
    assert "198.51.100.0/24" in ended.stdout
    (one,) = kept(ledger).values()
    assert one.device == device_at(ledger, "10.1.0.1")
    assert (one.file, one.on, len(one.sha256)) == ("rtx1220.conf", date(2024, 4, 1), 64)
    assert one.reading["whole"] is True
    assert "day_guessed" not in one.reading


def test_a_later_one_of_the_same_device_takes_its_place(ledger: Path) -> None:
    for file, day in ((RTX, "2026-05-01"), (ASA, "2026-06-01")):
        arguments = ("--ledger", str(ledger), "--device", "10.1.0.1", "--on", day)
        assert daicho("load", "config", file, *arguments, cwd=ledger.parent).returncode == 0
    (one,) = kept(ledger).values()
    assert (one.file, one.on) == ("asa.conf", date(2026, 6, 1))


def test_one_that_fits_no_device_is_kept_and_proves_nothing(ledger: Path) -> None:
    ended = daicho("load", "config", ASA, "--ledger", str(ledger), cwd=ledger.parent)
    assert ended.returncode == 1
    assert "証拠になりません" in ended.stderr
    assert kept(ledger)["file:asa.conf"].device == ""


def test_the_address_in_the_file_finds_the_device(ledger: Path, tmp_path: Path) -> None:
    file = tmp_path / "fw.conf"
    file.write_text(
        (FOLDER / "asa.conf").read_text().replace("10.0.0.1 255.255.255.0", "10.1.0.9 255.255.255.0")
    )
    os.utime(file, (1_780_000_000, 1_780_000_000))
    ended = daicho("load", "config", str(file), "--ledger", str(ledger), cwd=ledger.parent)
    assert ended.returncode == 0, ended.stderr
    assert "取得日が書かれていないため" in ended.stderr
    (one,) = kept(ledger).values()
    assert one.device == device_at(ledger, "10.1.0.9")
    assert one.reading["day_guessed"] is True
    assert one.on == date(2026, 5, 29), "the day in Japan"


@pytest.mark.parametrize(
    ("arguments", "ja", "en"),
    [
        (("README.md",), "推測はしません", "we do not guess"),
        (("gone.conf",), "ファイルがありません", "no such file"),
        ((RTX, "--device", "10.9.9.9"), "機器がありません", "no device"),
        ((RTX, "--on", "2999-01-01"), "今日までの日付ではありません", "no day up to today"),
        ((RTX, "--on", "yesterday"), "今日までの日付ではありません", "no day up to today"),
        ((RTX, ASA, "--device", "10.1.0.1"), "ファイルが一つのとき", "one file only"),
        ((RTX, "README.md"), "推測はしません", "we do not guess"),
    ],
)
def test_what_cannot_be_loaded_changes_nothing(
    ledger: Path, arguments: tuple[str, ...], ja: str, en: str
) -> None:
    (ledger.parent / "README.md").write_text("# This is no configuration\n")
    ended = daicho("load", "config", *arguments, "--ledger", str(ledger), cwd=ledger.parent)
    assert ended.returncode == 2
    assert_two_sentences(ended.stderr, ja, en)
    assert kept(ledger) == {}


def test_reading_prints_one_line_a_file(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"\x00\x01\x02" * 900)
    ended = daicho("read", "--config", RTX, "x.bin", ASA, cwd=tmp_path)
    assert ended.returncode == 1, "one of them could not be read"
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [row["source"] for row in rows] == [RTX, "x.bin", ASA]
    assert [row["device"]["maker"] for row in rows] == ["Yamaha", None, "Cisco"]
    assert rows[1]["management"] == []
    assert "バックアップ" in rows[1]["errors"][0]
    assert all(
        {"facts", "management", "vpn", "wan_management", "source_restricted", "errors"} <= set(row)
        for row in rows
    )
