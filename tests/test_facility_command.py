# SPDX-License-Identifier: Apache-2.0
"""`daicho facility` as a process of its own: facilities of a ledger, and the made-up hospital."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from collector.documents.pack_key import find_key
from collector.settings import load_settings
from deploy.demo_files import remove
from deploy.demo_hospital import fill
from inventory_db.changes import changes
from inventory_db.ledger import devices
from inventory_db.listed_ledger import listed_rows
from inventory_db.tables import open_ledger, writing
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
    settings = load_settings(tmp_path / "daicho-demo.toml")
    assert Path(settings.ledger) == tmp_path / "daicho-demo.sqlite"
    assert Path(settings.state_folder) == tmp_path / "daicho-demo-keys"  # never the keys of the real hospital
    assert daicho("facility", "demo", cwd=tmp_path).returncode == 2  # never over a file that is there
    real = (tmp_path / "daicho.sqlite").read_bytes()
    assert daicho("facility", "remove-demo", "--file", "daicho.sqlite", cwd=tmp_path).returncode == 2
    assert (tmp_path / "daicho.sqlite").read_bytes() == real
    find_key(Path(settings.state_folder))
    engine = open_ledger(tmp_path / "daicho-demo.sqlite")
    with engine.connect() as connection:
        devices(connection)
        assert "--yes" in daicho("facility", "remove-demo", cwd=tmp_path).stderr  # it asks first
        used = daicho("facility", "remove-demo", "--yes", cwd=tmp_path)
        assert (used.returncode, "Ctrl-C" in used.stderr) == (2, True)
        assert devices(connection)
    engine.dispose()
    assert daicho("facility", "remove-demo", "--yes", cwd=tmp_path).returncode == 0
    assert [one.name for one in tmp_path.glob("daicho-demo*")] == []


def test_only_what_was_made_with_the_made_up_hospital_goes_with_it(tmp_path: Path) -> None:
    mine = tmp_path / "real-keys"
    mine.mkdir()
    (mine / "pack.key").write_text("real")
    ledger = tmp_path / "x.sqlite"
    assert daicho("facility", "demo", "--file", str(tmp_path / "x.toml"), cwd=tmp_path).returncode == 2
    (tmp_path / "x-keys").symlink_to(mine)
    assert daicho("facility", "demo", "--file", str(ledger), cwd=tmp_path).returncode == 2
    (tmp_path / "x-keys").unlink()
    assert daicho("facility", "demo", "--file", str(ledger), cwd=tmp_path).returncode == 0
    (tmp_path / "x-keys").rmdir()
    (tmp_path / "x-keys").symlink_to(mine)  # as somebody did later
    remove(ledger)
    assert (mine / "pack.key").read_text() == "real"
    assert (tmp_path / "x.toml").exists()
    assert not ledger.exists()


def test_the_made_up_hospital_has_something_of_all_that_the_pages_show(tmp_path: Path) -> None:
    now, engine = datetime.now(UTC), open_ledger(tmp_path / "demo.sqlite")
    with writing(engine) as connection:
        assert fill(connection, now) == 30
    with engine.connect() as connection:
        found = {one.addresses[0].ip: one for one in devices(connection)}
        changed = {one.kind for one in changes(connection, now - timedelta(days=3), None)}
        assert len(listed_rows(connection)) == 1
    engine.dispose()
    dual = {ip: one.dual_homed.declared for ip, one in found.items() if one.dual_homed}
    assert dual == {"10.20.1.20": True, "10.20.1.30": False}
    ways = {one.kind for device in found.values() for one in device.remote_paths}
    assert {"ssl_vpn", "ipsec", "openvpn", "softether", "rdp", "vnc", "web_admin"} <= ways
    assert {"new", "silent"} <= changed
