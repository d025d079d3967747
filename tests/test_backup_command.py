# SPDX-License-Identifier: Apache-2.0
"""`daicho backup`, `daicho restore` and `daicho move` as a person runs them."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pyrage
import pytest

from inventory_db.audit import Action
from inventory_db.tables import open_ledger
from tests.cli_cases import assert_two_sentences, daicho
from tests.old_schemas import old_file, rows_of

SAME = pyrage.x25519.Identity.generate()
TO = ("--to", str(SAME.to_public()))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with a ledger, a state folder with two keys, and an identity to open backups with."""
    old_file(tmp_path / "a.sqlite", "0004")
    open_ledger(tmp_path / "a.sqlite").dispose()
    keys = tmp_path / "state" / "daicho"
    keys.mkdir(parents=True)
    (keys / "pack.key").write_bytes(b"the pack key")
    (keys / "second-factor.key").write_bytes(b"the other key")
    (keys / "notes.txt").write_bytes(b"no key")
    (keys / "elsewhere.key").symlink_to("/etc/hostname")
    (tmp_path / "identity").write_text(f"# made for a test\n{SAME}\n")
    (tmp_path / "identity").chmod(0o600)
    return tmp_path


def run(site: Path, *arguments: str, code: int = 0) -> str:
    """Run it with the site's state folder; gives what it said."""
    done = daicho(*arguments, cwd=site, env={"XDG_STATE_HOME": str(site / "state")})
    assert done.returncode == code, done.stderr
    assert "AGE-SECRET" not in done.stderr + done.stdout
    return done.stderr


def heard(place: Path, action: Action) -> list[tuple[str, str, str]]:
    """What the audit log of the installation says of this action."""
    with closing(sqlite3.connect(place)) as raw:
        asked = "SELECT origin, key, detail FROM audit WHERE facility = 0 AND action = ?"
        return raw.execute(asked, (str(action),)).fetchall()


def test_backup_and_restore_with_the_keys(site: Path) -> None:
    said = run(site, "backup", "--ledger", "a.sqlite", "--out", "b.daicho", *TO)
    assert "pack.key、second-factor.key（" in said
    assert "elsewhere.key" not in said
    assert [(origin, key) for origin, key, _ in heard(site / "a.sqlite", Action.BACKUP)] == [
        ("console", "b.daicho")
    ]
    (site / "state" / "daicho" / "pack.key").write_bytes(b"of another installation")
    (site / "state" / "daicho" / "second-factor.key").unlink()
    checked = run(site, "restore", "b.daicho", "--check", "--identity", "identity")
    assert "検査値も合いました" in checked
    assert not (site / "c.sqlite").exists()
    run(site, "restore", "b.daicho", "--ledger", "c.sqlite", "--identity", "identity")
    keys = {path.name: path for path in (site / "state" / "daicho").iterdir()}
    assert keys["pack.key"].read_bytes() == b"the pack key"
    assert keys["second-factor.key"].read_bytes() == b"the other key"
    assert keys["pack.key"].stat().st_mode & 0o077 == 0
    (aside,) = [name for name in keys if "replaced" in name]
    assert keys[aside].read_bytes() == b"of another installation"
    assert [key for _, key, _ in heard(site / "c.sqlite", Action.RESTORE)] == ["b.daicho"]
    with closing(sqlite3.connect(site / "c.sqlite")) as raw:
        (found,) = raw.execute("SELECT count(*) FROM observations").fetchone()
    assert found == len(rows_of("0004")["observations"])


def test_a_refused_restore_leaves_ledger_and_keys_alone(site: Path) -> None:
    run(site, "backup", "--ledger", "a.sqlite", "--out", "b.daicho", *TO)
    (site / "state" / "daicho" / "pack.key").write_bytes(b"of another installation")
    before = {path: path.read_bytes() for path in site.rglob("*") if path.is_file()}
    refused = run(site, "restore", "b.daicho", "--ledger", "a.sqlite", "--identity", "identity", code=2)
    assert_two_sentences(refused, "もう台帳があります", "--replace")
    whole = (site / "b.daicho").read_bytes()
    (site / "cut").write_bytes(whole[:-20])
    assert_two_sentences(
        run(site, "restore", "cut", "--ledger", "c.sqlite", "--identity", "identity", code=2), "使えません"
    )
    (site / "cut").unlink()
    assert {path: path.read_bytes() for path in site.rglob("*") if path.is_file()} == before


def test_a_passphrase_comes_from_a_file_of_ones_own(site: Path) -> None:
    (site / "phrase").write_text("正しい 馬 電池 ホチキス 長い\n", encoding="utf-8")
    (site / "phrase").chmod(0o644)
    arguments = ("backup", "--ledger", "a.sqlite", "--out", "b.daicho")
    assert_two_sentences(run(site, *arguments, "--passphrase-file", "phrase", code=2), "chmod 600")
    assert not (site / "b.daicho").exists()
    (site / "phrase").chmod(0o600)
    run(site, *arguments, "--passphrase-file", "phrase", "--without-keys")
    run(site, "restore", "b.daicho", "--ledger", "c.sqlite", "--passphrase-file", "phrase")
    assert_two_sentences(run(site, *arguments, code=2), "--passphrase-file")
    assert_two_sentences(
        run(site, *arguments, "--passphrase-file", "phrase", *TO, code=2), "一度に使えません"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("backup", "--ledger", "nowhere.sqlite", "--out", "b", *TO), 2, "台帳がありません"),
        (("backup", "--ledger", "a.sqlite", "--out", "nowhere/b", *TO), 2, "書けません"),
        (("backup", "--ledger", "a.sqlite", "--out", "a.sqlite", *TO), 2, "上書きしません"),
        (("backup", "--ledger", "a.sqlite", "--out", "b", "--to", "age1xyz"), 2, "age1"),
        (("restore", "nowhere", "--ledger", "c.sqlite", "--identity", "identity"), 2, "読めません"),
        (
            ("restore", "a.sqlite", "--ledger", "c.sqlite", "--identity", "identity"),
            2,
            "バックアップではない",
        ),
        (("restore", "a.sqlite", "--identity", "identity"), 2, "--ledger"),
        (("restore", "a.sqlite", "--ledger", "c.sqlite", "--identity", "a.sqlite"), 2, "読めません"),
        (("move", "--from", "a.sqlite", "--to", "a.sqlite"), 2, "同じ"),
        (("move", "--from", "nowhere.sqlite", "--to", "c.sqlite"), 2, "台帳がありません"),
        (("move", "--from", "a.sqlite", "--to", "mysql://x/y"), 2, "書き方が正しくない"),
        (
            ("move", "--from", "a.sqlite", "--to", "postgresql:///x?host=/nowhere"),
            4,
            "最後までできませんでした",
        ),
    ],
)
def test_wrong_use_is_told_and_changes_nothing(
    site: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    before = {path: path.read_bytes() for path in site.rglob("*") if path.is_file() and "-" not in path.name}
    assert_two_sentences(run(site, *arguments, code=code), words)
    assert {
        path: path.read_bytes() for path in site.rglob("*") if path.is_file() and "-" not in path.name
    } == before


def test_move_says_what_comes_next(site: Path) -> None:
    said = run(site, "move", "--from", "a.sqlite", "--to", "c.sqlite")
    assert "collector.toml" in said
    assert heard(site / "c.sqlite", Action.RESTORE)
    assert (site / "a.sqlite").exists()
