# SPDX-License-Identifier: Apache-2.0
"""Secrets planted in every syntax of every family: none is printed, shown, kept or named in an error."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.imports.configurations.read import read_configuration
from collector.imports.configurations.shown import as_json
from inventory_db import ledger as ledgers
from inventory_db import observations
from inventory_db.tables import open_ledger, writing
from tests.cli_cases import daicho
from tests.configuration_files import FILES, FOLDER, SECRET, data_of
from tests.inventory_cases import arp, upload

PLANTED = sorted({found for path in FILES for found in SECRET.findall(path.read_bytes())})


def test_enough_is_planted() -> None:
    assert len(PLANTED) >= 150
    assert all(len(set(SECRET.findall(path.read_bytes()))) >= 2 for path in FILES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_of_a_reading_holds_a_secret(path: Path) -> None:
    reading = read_configuration(path.read_bytes(), path.name)
    for text in (repr(reading), json.dumps(as_json(reading, path.name))):
        assert b"S3cr3t" not in text.encode()


@given(st.sampled_from(FILES), st.integers(0, 12_000), st.integers(0, 12_000))
def test_nor_does_any_part_of_a_file(path: Path, start: int, end: int) -> None:
    data = path.read_bytes()[min(start, end) : max(start, end)]
    shown = json.dumps(as_json(read_configuration(data, "part"), "part"))
    assert "S3cr3t" not in shown


@given(st.sampled_from(FILES), st.randoms(use_true_random=False))
def test_nor_a_file_whose_lines_are_shuffled(path: Path, chance: object) -> None:
    rows = path.read_text("utf-8").splitlines()
    chance.shuffle(rows)  # type: ignore[attr-defined]
    shown = json.dumps(as_json(read_configuration("\n".join(rows).encode(), "shuffled"), "shuffled"))
    assert "S3cr3t" not in shown


def test_neither_the_commands_nor_the_ledger_hold_one(tmp_path: Path) -> None:
    ledger = tmp_path / "l.sqlite"
    with writing(open_ledger(ledger)) as connection:
        observations.append(connection, upload(arp("10.1.0.1", "00:00:5e:00:53:01")))
        ledgers.refresh(connection)
    files = [str(path) for path in FILES]
    read = daicho("read", "--config", *files, cwd=tmp_path)
    loaded = daicho("load", "config", *files, "--ledger", str(ledger), "--who", "佐藤", cwd=tmp_path)
    assert len(read.stdout.splitlines()) == len(FILES)
    assert loaded.returncode == 1, loaded.stderr  # none of them belongs to the one device of the ledger
    told = read.stdout + read.stderr + loaded.stdout + loaded.stderr
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in PLANTED:
        assert secret.decode() not in told
        assert secret not in kept


def test_a_file_that_is_refused_is_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"password S3cr3t-unknown\nkey S3cr3t-unknown2\n")
    ended = daicho("read", "--config", "x.txt", cwd=tmp_path)
    assert ended.returncode == 1
    assert json.loads(ended.stdout)["device"]["maker"] is None
    assert "S3cr3t" not in ended.stdout + ended.stderr


def test_a_broken_file_is_not_quoted() -> None:
    for name in ("pfsense.xml", "panos.xml"):
        data = data_of(name)
        for at in range(0, len(data), 37):
            shown = json.dumps(as_json(read_configuration(data[:at] + b"<" + data[at:], name), name))
            assert "S3cr3t" not in shown
    assert FOLDER.is_dir()
