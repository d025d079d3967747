# SPDX-License-Identifier: Apache-2.0
"""`daicho facility` as a process of its own: facilities of a ledger, and the made-up hospital."""

from pathlib import Path

from inventory_db.ledger import devices
from inventory_db.listed_ledger import listed_rows
from inventory_db.tables import open_ledger
from tests.cli_cases import daicho
from tests.import_cases import kept_ledger


def test_add_rename_and_list(tmp_path: Path) -> None:
    kept_ledger(tmp_path).dispose()
    assert daicho("facility", "add", "higashi", "東病院", cwd=tmp_path).returncode == 0
    assert daicho("facility", "rename", "1", "本院", cwd=tmp_path).returncode == 0
    again = daicho("facility", "add", "higashi", "東病院", cwd=tmp_path)
    assert (again.returncode, "もうあります" in again.stderr) == (2, True)
    assert daicho("facility", "rename", "nobody", "x", cwd=tmp_path).returncode == 2
    assert daicho("facility", "close", cwd=tmp_path).returncode == 2
    assert daicho("facility", "close", "higashi", cwd=tmp_path).returncode == 0
    assert "閉じている" in daicho("facility", "list", cwd=tmp_path).stdout.splitlines()[1]
    assert daicho("facility", "reopen", "2", cwd=tmp_path).returncode == 0
    lines = daicho("facility", "list", cwd=tmp_path).stdout.splitlines()
    assert [line.count("\t") for line in lines] == [2, 2]
    assert [line.split("\t")[2] for line in lines] == ["本院", "東病院"]


def test_the_made_up_hospital_is_opened_and_removed(tmp_path: Path) -> None:
    kept_ledger(tmp_path).dispose()
    made = daicho("facility", "demo", cwd=tmp_path)
    assert (made.returncode, made.stderr.count("daicho-demo.sqlite") > 0) == (0, True)
    engine = open_ledger(tmp_path / "daicho-demo.sqlite")
    with engine.connect() as connection:
        found, listed = devices(connection), listed_rows(connection)
    engine.dispose()
    assert (len(found), len(listed)) == (28, 1)
    assert any(one.remote_paths for one in found)
    assert daicho("facility", "demo", cwd=tmp_path).returncode == 2  # never over a file that is there
    real = (tmp_path / "daicho.sqlite").read_bytes()
    assert daicho("facility", "remove-demo", "--file", "daicho.sqlite", cwd=tmp_path).returncode == 2
    assert (tmp_path / "daicho.sqlite").read_bytes() == real
    assert daicho("facility", "remove-demo", cwd=tmp_path).returncode == 0
    assert [one.name for one in tmp_path.glob("daicho-demo*")] == []
