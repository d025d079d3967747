# SPDX-License-Identifier: Apache-2.0
"""Backup, restore and move: one moment, whole or not at all, on both databases; hostile files are refused whole."""

import hashlib
import io
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyrage
import pytest
from sqlalchemy import inspect, text
from sqlalchemy.engine import make_url

from inventory_db import agents, audit, ledger, observations, tables
from inventory_db.backups import archive, rows, sealing
from inventory_db.backups.backup import Origin, back_up
from inventory_db.backups.moving import move
from inventory_db.backups.restore import (
    Restored,
    check_backup,
    restore_to_file,
    restore_to_server,
)
from inventory_db.backups.sealing import Key, Lock
from inventory_db.backups.shape import ColumnShape, TableShape, read_shapes
from inventory_db.backups.trouble import BackupRefused
from inventory_db.binding import bind, unbound
from inventory_db.facilities import add_facility
from inventory_db.ledger_errors import LedgerError, NewerLedger
from inventory_db.schema import newest_revision
from inventory_db.tables import file_of, look_at, open_ledger, server, writing
from probes.facts import Upload
from tests.inventory_cases import START, arp, seen, upload
from tests.inventory_engines import postgres_schema
from tests.old_schemas import REVISIONS, old_file, old_server, rows_of

SAME = pyrage.x25519.Identity.generate()
LOCK, KEY = Lock(recipients=(str(SAME.to_public()),)), Key(identities=(str(SAME),))
NOW = datetime(2026, 4, 2, 3, 0, tzinfo=UTC)
ORIGIN = Origin("daicho 0.2.0", NOW)
pg = pytest.param("postgresql", marks=pytest.mark.postgres)


def quiet(*_: object) -> None:
    """Nobody watches."""


@pytest.fixture
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty place for a ledger to be backed up."""
    yield from (
        postgres_schema() if request.param == "postgresql" else iter([str(tmp_path / "old" / "元.sqlite")])
    )


@pytest.fixture
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty place to restore to."""
    (tmp_path / "new").mkdir(exist_ok=True)
    yield from (
        postgres_schema() if request.param == "postgresql" else iter([str(tmp_path / "new" / "先.sqlite")])
    )


from_each = pytest.mark.parametrize("source", ["sqlite", pg], indirect=True)
to_each = pytest.mark.parametrize("target", ["sqlite", pg], indirect=True)


def filled(place: str) -> None:
    """A ledger with rows in every table of 0004, as an older version left them, brought to today."""
    path = file_of(place)
    if path is None:
        old_server(place, REVISIONS[-1]).dispose()
    else:
        path.parent.mkdir(exist_ok=True)
        old_file(path, REVISIONS[-1])
    engine = open_ledger(place)
    with writing(engine) as c:
        audit.record(c, audit.Event(action=audit.Action.CHANGE, name="鈴木一郎", at=START))
    engine.dispose()


def backed_up(place: str, out: Path, files: dict[str, bytes] | None = None) -> archive.Manifest:
    engine = look_at(place)
    try:
        return back_up(engine, out, LOCK, files or {}, ORIGIN, quiet)
    finally:
        engine.dispose()


def restored(backup: Path, place: str, key: Key = KEY, *, replace: bool = False) -> Restored:
    with backup.open("rb") as file:
        checked = check_backup(file, key, quiet)
        path = file_of(place)
        if path is not None:
            return restore_to_file(file, key, path, NOW, quiet, checked, replace=replace)
        engine = server(place)
        try:
            return restore_to_server(file, key, engine, quiet, checked)
        finally:
            engine.dispose()


def content(place: str) -> dict[str, list[str]]:
    """Every row of every table, columns by name."""
    engine = look_at(place)
    with engine.connect() as c:
        found = {
            table.name: sorted(
                repr(sorted(zip([one.name for one in table.columns], row, strict=True)))
                for some, _ in rows.read_batches(c, table)
                for row in some
            )
            for table in read_shapes(c)
        }
    engine.dispose()
    return found


@from_each
@to_each
def test_what_comes_back_is_what_was_there(source: str, target: str, tmp_path: Path) -> None:
    filled(source)
    keys = {"pack.key": b"-----BEGIN PRIVATE KEY-----\n", "totp.key": bytes(32)}
    manifest = backed_up(source, tmp_path / "夜.daicho", keys)
    done = restored(tmp_path / "夜.daicho", target)
    assert done.manifest == manifest
    assert done.files == keys
    assert manifest.audit_heads
    assert manifest.revision == newest_revision()
    assert content(target) == content(source)
    assert sum(map(len, content(target).values())) > 30


@from_each
@to_each
def test_a_ledger_moves_whole_and_goes_on_counting(source: str, target: str) -> None:
    filled(source)
    before, old = content(source), look_at(source)
    new = server(target) if "://" in target else Path(target)
    moved = move(old, new, NOW, quiet)
    old.dispose()
    if not isinstance(new, Path):
        new.dispose()
    assert content(target) == content(source) == before
    assert {one.table: one.rows for one in moved} == {name: len(some) for name, some in before.items()}
    engine = open_ledger(target)
    with writing(engine) as c:  # numbers continue behind the highest, on both databases
        observations.append(c, upload(arp("10.1.0.77", "b8:2a:72:00:00:77", minute=99)))
        ledger.refresh(c)
        assert sorted(row.number for row in ledger.official_rows(c))[-1] == "010"
        device = ledger.official_rows(c)[0].device.id
        ledger.edit(c, device, "説明", "移した後", "鈴木一郎", NOW)
        assert c.execute(text("SELECT max(entry) FROM human_entries")).scalar_one() == 13
    engine.dispose()


def west(place: str) -> None:
    """A second facility with a device of its own."""
    engine = open_ledger(place)
    with writing(engine) as c:
        other = add_facility(c, "west", "西病院", START).id
    with writing(bind(engine, other)) as c:
        observations.append(c, upload(arp("10.1.0.5", "b8:2a:72:00:00:0a")))
        ledger.refresh(c)
    engine.dispose()


@from_each
@to_each
def test_every_facility_comes_along_and_they_stay_apart(source: str, target: str, tmp_path: Path) -> None:
    filled(source)
    west(source)
    backed_up(source, tmp_path / "b")
    restored(tmp_path / "b", target)
    assert content(target) == content(source)
    engine = open_ledger(target)
    with bind(engine, 2).connect() as c:
        assert [row.number for row in ledger.official_rows(c)] == ["001"]
        assert len(list(observations.load(c))) == 1
    engine.dispose()


@pytest.fixture
def plain_role() -> Iterator[tuple[str, ...]]:
    """Two schemas that belong to an ordinary role, which row-level security binds though it owns the tables."""
    for first in postgres_schema():
        for second in postgres_schema():
            role, admin = f"r{uuid.uuid4().hex}", server(first)
            schemas = [
                str(make_url(one).query["options"]).removeprefix("-csearch_path=") for one in (first, second)
            ]
            with admin.begin() as c:
                c.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
                c.exec_driver_sql(
                    f"GRANT {role} TO CURRENT_USER"
                )  # who gives a schema away must be one of its owners
                for schema in schemas:
                    c.exec_driver_sql(f"ALTER SCHEMA {schema} OWNER TO {role}")
            yield tuple(
                make_url(one).set(username=role).render_as_string(hide_password=False)
                for one in (first, second)
            )
            with admin.begin() as c:
                c.exec_driver_sql(f"DROP OWNED BY {role} CASCADE")
                c.exec_driver_sql(f"DROP ROLE {role}")
                for schema in schemas:
                    c.exec_driver_sql(f"CREATE SCHEMA {schema}")
            admin.dispose()


@pytest.mark.postgres
def test_an_ordinary_role_is_enough_and_walls_stand_again(
    plain_role: tuple[str, ...], tmp_path: Path
) -> None:
    source, target = plain_role
    filled(source)
    west(source)
    backed_up(source, tmp_path / "b")
    restored(tmp_path / "b", target)
    assert content(target) == content(source)
    assert len(content(target)["observations"]) == len(rows_of("0001")["observations"]) + 1
    asked = (
        "SELECT relname, relforcerowsecurity FROM pg_class WHERE relrowsecurity AND relnamespace = "
        "current_schema()::regnamespace"
    )
    walls = []
    for place in plain_role:
        engine = unbound(server(place))
        with engine.connect() as c:
            walls.append(set(c.exec_driver_sql(asked).all()))
            assert c.exec_driver_sql("SELECT count(*) FROM observations").scalar_one() == 0
        engine.dispose()
    assert walls[0] == walls[1]
    assert all(forced for _, forced in walls[1])
    assert len(walls[1]) > 8


@from_each
@to_each
def test_an_older_backup_is_restored_and_then_brought_to_today(
    source: str, target: str, tmp_path: Path
) -> None:
    path = file_of(source)
    if path is None:
        old_server(source, "0002").dispose()
    else:
        path.parent.mkdir()
        old_file(path, "0002")
    assert backed_up(source, tmp_path / "b").revision == "0002"
    restored(tmp_path / "b", target)
    engine = look_at(target)
    with engine.connect() as c:
        for table, kept in rows_of("0002").items():
            assert c.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == len(kept)
        assert inspect(c).has_table("statements")
    engine.dispose()
    open_ledger(target).dispose()


@from_each
def test_a_backup_while_uploads_arrive_is_one_moment(source: str, tmp_path: Path) -> None:
    """The writer raises an agent's sequence with each upload: in the backup both stand at the same upload."""
    if (path := file_of(source)) is not None:
        path.parent.mkdir()
    engine, stop, made = open_ledger(source), threading.Event(), []
    with writing(engine) as c:
        code = agents.create_enrolment(c, "東病棟", timedelta(days=1), now=START)
        agent = agents.enrol(c, code, bytes(range(32)), START)

    def write() -> None:
        sequence = 0
        while not stop.is_set():
            sequence += 1
            with writing(engine) as c:
                agents.accept(c, agent.id, sequence, START, timedelta(0))
                some = [seen(f"10.1.{sequence // 250}.{sequence % 250}", minute=n) for n in range(20)]
                observations.append(c, Upload(observations=tuple(some)), agent.id)
            made.append(sequence)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(4):
            while len(made) < 15 * (number + 1):
                time.sleep(0.01)
            backed_up(source, tmp_path / f"b{number}")
    finally:
        stop.set()
        writer.join()
    engine.dispose()
    sequences = [_moment(tmp_path / f"b{number}", tmp_path / f"r{number}.sqlite") for number in range(4)]
    assert sequences == sorted(sequences)
    assert 15 <= sequences[0] < sequences[-1] <= len(made)


def _moment(backup: Path, place: Path) -> int:
    restored(backup, str(place))
    with closing(sqlite3.connect(place)) as raw:
        (sequence,) = raw.execute("SELECT sequence FROM agents").fetchone()
        assert raw.execute("SELECT count(*) FROM observations").fetchone() == (sequence * 20,)
    return int(sequence)


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of a filled ledger."""
    folder = tmp_path_factory.mktemp("backup")
    filled(str(folder / "a.sqlite"))
    backed_up(str(folder / "a.sqlite"), folder / "b", {"pack.key": b"x" * 100})
    return folder / "b"


def refused(file: Path, target: Path, key: Key = KEY) -> LedgerError:
    """Restoring is refused with words, and leaves no trace."""
    target.parent.mkdir(exist_ok=True)
    before = sorted(target.parent.iterdir())
    with pytest.raises(LedgerError) as told:
        restored(file, str(target), key)
    assert sorted(target.parent.iterdir()) == before
    assert not target.exists()
    assert told.value.ja.endswith("。")
    return told.value


@pytest.mark.parametrize("kept", [0, 1, 30, 180, 250, 400, -300, -17, -1])
def test_a_cut_backup_is_refused(backup: Path, tmp_path: Path, kept: int) -> None:
    (tmp_path / "cut").write_bytes(backup.read_bytes()[:kept])
    assert isinstance(refused(tmp_path / "cut", tmp_path / "t" / "x.sqlite"), BackupRefused)


def test_every_flipped_bit_is_found(backup: Path, tmp_path: Path) -> None:
    whole = backup.read_bytes()
    for at in {*range(60), *range(60, len(whole), max(1, len(whole) // 60)), len(whole) - 1}:
        (tmp_path / "flipped").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert isinstance(refused(tmp_path / "flipped", tmp_path / "t" / "x.sqlite"), BackupRefused)


def test_something_behind_the_end_is_found(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "longer").write_bytes(backup.read_bytes() + b"x")
    refused(tmp_path / "longer", tmp_path / "t" / "x.sqlite")


def test_another_key_opens_nothing(backup: Path, tmp_path: Path) -> None:
    other = Key(identities=(str(pyrage.x25519.Identity.generate()),))
    assert "パスフレーズか鍵が違う" in refused(backup, tmp_path / "t" / "x.sqlite", other).ja
    assert "--identity" in refused(backup, tmp_path / "t" / "x.sqlite", Key(passphrase="correct horse")).en
    assert "AGE-SECRET" in refused(backup, tmp_path / "t" / "x.sqlite", Key(identities=("x",))).en


@pytest.mark.parametrize(("busy", "opens"), [(4, True), (5, False)])
def test_a_passphrase_on_a_busy_machine_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, busy: int, opens: bool
) -> None:
    real: Callable[[bytes, str], bytes] = pyrage.passphrase.decrypt
    turns = iter(range(busy))

    def decrypt(data: bytes, word: str) -> bytes:
        if next(turns, None) is not None:
            raise pyrage.DecryptError(
                "Excessive work parameter for passphrase.\nDecryption would take around 16 seconds."
            )
        return real(data, word)

    filled(str(tmp_path / "a.sqlite"))
    monkeypatch.setattr(pyrage.passphrase, "decrypt", decrypt)
    with nullcontext() if opens else pytest.raises(BackupRefused, match="busier"):
        back_up(
            look_at(tmp_path / "a.sqlite"),
            tmp_path / "b",
            Lock(passphrase="正しい 馬 電池 ホチキス 長い"),
            {},
            ORIGIN,
            quiet,
        )


def test_a_passphrase_seals_and_opens(tmp_path: Path) -> None:
    filled(str(tmp_path / "a.sqlite"))
    engine, out = look_at(tmp_path / "a.sqlite"), tmp_path / "b"
    with pytest.raises(BackupRefused, match="12 characters"):
        back_up(engine, out, Lock(passphrase="short"), {}, ORIGIN, quiet)
    assert not out.exists()
    back_up(engine, out, Lock(passphrase="正しい 馬 電池 ホチキス 長い"), {}, ORIGIN, quiet)
    engine.dispose()
    wrong = Key(passphrase="正しい 馬 電池 ホチキス 短い")
    assert "パスフレーズか鍵が違う" in refused(out, tmp_path / "t" / "x.sqlite", wrong).ja
    assert "--passphrase-file" in refused(out, tmp_path / "t" / "x.sqlite", Key()).en
    restored(out, str(tmp_path / "t" / "x.sqlite"), Key(passphrase="正しい 馬 電池 ホチキス 長い"))
    assert content(str(tmp_path / "t" / "x.sqlite")) == content(str(tmp_path / "a.sqlite"))


def test_nothing_of_the_ledger_can_be_read_in_the_file(backup: Path) -> None:
    whole = backup.read_bytes()
    assert b"SSH-2.0" not in whole
    assert b"daicho_marks" not in whole
    assert backup.stat().st_mode & 0o077 == 0


# --- files that somebody made to harm; they are sealed for us, as anybody with our public key can


def sealed(folder: Path, plain: bytes) -> Path:
    """A backup with this inside."""
    (folder / "hostile").write_bytes(pyrage.encrypt(plain, [SAME.to_public()]))
    return folder / "hostile"


def parts(backup: Path) -> list[tuple[bytes, bytes]]:
    """The frames of a backup."""
    inside = zlib.decompress(pyrage.decrypt(backup.read_bytes(), [SAME]))
    found = []
    while inside:
        size = int.from_bytes(inside[1:5], "big")
        found.append((inside[:1], inside[5 : 5 + size]))
        inside = inside[5 + size :]
    return found


def packed(frames: list[tuple[bytes, bytes]]) -> bytes:
    return zlib.compress(b"".join(archive.frame(*one) for one in frames))


def changed_header(
    change: Callable[[dict[str, Any]], object],
) -> Callable[[list[tuple[bytes, bytes]]], object]:
    def apply(frames: list[tuple[bytes, bytes]]) -> None:
        said = msgspec.json.decode(frames[0][1])
        change(said)
        frames[0] = (b"H", msgspec.json.encode(said))

    return apply


def changed_manifest(
    change: Callable[[dict[str, Any]], object],
) -> Callable[[list[tuple[bytes, bytes]]], object]:
    def apply(frames: list[tuple[bytes, bytes]]) -> None:
        said = msgspec.json.decode(frames[-1][1])
        change(said)
        frames[-1] = (b"M", msgspec.json.encode(said))

    return apply


def file_named(name: str) -> Callable[[list[tuple[bytes, bytes]]], object]:
    return lambda frames: frames.insert(-1, (b"F", msgspec.msgpack.encode({"name": name, "data": b"x"})))


def rows_frame(frames: list[tuple[bytes, bytes]]) -> int:
    return next(at for at, (letter, _) in enumerate(frames) if letter == b"R")


HOSTILE: dict[str, Callable[[list[tuple[bytes, bytes]]], object]] = {
    "no end": lambda frames: frames.pop(),
    "no header": lambda frames: frames.pop(0),
    "two headers": lambda frames: frames.insert(1, frames[0]),
    "a lost row": lambda frames: frames.pop(rows_frame(frames)),
    "a doubled row": lambda frames: frames.insert(rows_frame(frames), frames[rows_frame(frames)]),
    "something after the end": lambda frames: frames.append(frames[1]),
    "an unknown letter": lambda frames: frames.insert(1, (b"Z", b"")),
    "a table that is not there": lambda frames: frames.insert(1, (b"R", b"\xff\xff\xdd\x00\x00\x00\x00")),
    "rows that are no rows": lambda frames: frames.insert(1, (b"R", b"\x00\x00\x01")),
    "rows of another type": lambda frames: frames.insert(1, (b"R", b"\x00\x00" + msgspec.msgpack.encode([[1, 2]]))),
    "deep nesting": lambda frames: frames.insert(1, (b"R", b"\x00\x00" + b"\x91" * 100_000)),
    "a header that is no JSON": lambda frames: frames.__setitem__(0, (b"H", b"\xff{")),
    "a header that is a list": lambda frames: frames.__setitem__(0, (b"H", b"[]")),
    "another format": changed_header(lambda said: said.update(format="daicho-backup/9")),
    "no ledger": changed_header(lambda said: said.update(tables=said["tables"][1:2])),
    "an unknown column kind": changed_header(lambda said: said["tables"][0]["columns"][0].update(kind="code")),
    "a table twice": changed_header(lambda said: said["tables"].append(said["tables"][0])),
    "no revision": changed_header(lambda said: said.update(revision="../../x")),
    "digits of another script": changed_header(lambda said: said.update(revision="٣")),
    "a newer schema": lambda frames: [
        changed_header(lambda said: said.update(revision="9999"))(frames),
        changed_manifest(lambda said: said.update(revision="9999"))(frames),
    ],
    "a schema that never was": lambda frames: [
        changed_header(lambda said: said.update(revision="0000"))(frames),
        changed_manifest(lambda said: said.update(revision="0000"))(frames),
    ],
    "another digest": changed_manifest(lambda said: said["tables"][0].update(digest="1" * 64)),
    "another count": changed_manifest(lambda said: said["tables"][0].update(rows=7)),
    "a file out of the folder": file_named("../../.ssh/authorized_keys"),
    "an absolute file": file_named("/etc/passwd"),
    "a hidden file": file_named(".profile"),
    "a file twice": file_named("pack.key"),
    "a name with a line break": file_named("a\nb.key"),
    "a file not in the manifest": file_named("other.key"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_backup_is_refused_whole(backup: Path, tmp_path: Path, name: str) -> None:
    frames = parts(backup)
    assert packed(frames)
    HOSTILE[name](frames)
    told = refused(sealed(tmp_path, packed(frames)), tmp_path / "t" / "x.sqlite")
    assert isinstance(told, NewerLedger if name == "a newer schema" else BackupRefused)


def test_the_same_frames_unchanged_are_taken(backup: Path, tmp_path: Path) -> None:
    """What the tests before change is otherwise good."""
    restored(sealed(tmp_path, packed(parts(backup))), str(tmp_path / "x.sqlite"))


def hostile_tables(frames: list[tuple[bytes, bytes]], extra: TableShape) -> list[tuple[bytes, bytes]]:
    """A backup whose digests all agree, with one more table."""
    said = msgspec.json.decode(frames[0][1])
    said["tables"].append(msgspec.to_builtins(extra))
    said["rows"][extra.name] = 1
    end = msgspec.json.decode(frames[-1][1])
    one, tally = rows.encode_rows([(1,)]), rows.Tally()
    tally.add(one)
    end["tables"].append(msgspec.to_builtins(rows.counted(extra, tally)))
    row = (b"R", (len(said["tables"]) - 1).to_bytes(2, "big") + rows.pack(one))
    files = [frame for frame in frames[1:-1] if frame[0] == b"F"]
    others = [frame for frame in frames[1:-1] if frame[0] == b"R"]
    return [(b"H", msgspec.json.encode(said)), *others, row, *files, (b"M", msgspec.json.encode(end))]


@pytest.mark.parametrize(
    "name", ["evil", 'x"; DROP TABLE observations; --', "sqlite_sequence", "alembic_version"]
)
def test_a_table_that_no_ledger_has_is_refused(backup: Path, tmp_path: Path, name: str) -> None:
    extra = TableShape(name, (ColumnShape("a", "integer", False),))
    file = sealed(tmp_path, packed(hostile_tables(parts(backup), extra)))
    with file.open("rb") as opened:
        check_backup(opened, KEY, quiet)  # well-formed in itself
    assert "表があります" in refused(file, tmp_path / "t" / "x.sqlite").ja


@pytest.mark.parametrize("what", ["one frame", "many frames", "zeros"])
def test_a_bomb_is_refused(tmp_path: Path, backup: Path, what: str) -> None:
    if what == "one frame":
        plain = zlib.compress(b"H" + (2**32 - 1).to_bytes(4, "big") + bytes(2**20))
    elif what == "many frames":
        head = archive.frame(*parts(backup)[0])
        plain = zlib.compress(head + archive.frame(b"R", b"\x00\x00\xdd\x00\x00\x00\x00") * 2_000_000)
    else:
        plain = zlib.compress(bytes(200 << 20))
    refused(sealed(tmp_path, plain), tmp_path / "t" / "x.sqlite")


def test_random_bytes_inside_are_refused(tmp_path: Path) -> None:
    for size in (0, 1, 10, 1000):
        refused(sealed(tmp_path, os.urandom(size)), tmp_path / "t" / "x.sqlite")
        refused(sealed(tmp_path, zlib.compress(os.urandom(size))), tmp_path / "t" / "x.sqlite")


def test_a_full_place_is_not_touched_without_being_asked(backup: Path, tmp_path: Path) -> None:
    place = tmp_path / "x.sqlite"
    restored(backup, str(place))
    before = place.read_bytes()
    with pytest.raises(BackupRefused, match="--replace"):
        restored(backup, str(place))
    assert place.read_bytes() == before
    user = open_ledger(place)
    with user.connect() as c:
        c.execute(text("SELECT count(*) FROM daicho_marks"))
        with pytest.raises(BackupRefused, match="Stop the collector"):
            restored(backup, str(place), replace=True)
    user.dispose()
    done = restored(backup, str(place), replace=True)
    assert done.aside is not None
    assert content(str(done.aside)) == content(str(place))
    assert sorted(one.name for one in tmp_path.iterdir() if "wal" not in one.name and "shm" not in one.name) == [
        "x.sqlite", done.aside.name,
    ]  # fmt: skip


@pytest.mark.postgres
@pytest.mark.parametrize("target", ["postgresql"], indirect=True)
def test_a_full_server_is_not_touched(backup: Path, target: str) -> None:
    restored(backup, target)
    before = content(target)
    with pytest.raises(BackupRefused, match="not empty"):
        restored(backup, target)
    assert content(target) == before


@pytest.mark.postgres
@pytest.mark.parametrize("target", ["postgresql"], indirect=True)
def test_a_new_ledger_on_a_server_is_empty_enough(backup: Path, target: str) -> None:
    open_ledger(target).dispose()
    restored(backup, target)
    assert len(content(target)["observations"]) == len(rows_of("0001")["observations"])


@pytest.mark.postgres
@pytest.mark.parametrize("target", ["postgresql"], indirect=True)
def test_a_hostile_backup_leaves_a_server_empty(backup: Path, target: str, tmp_path: Path) -> None:
    extra = TableShape("evil", (ColumnShape("a", "integer", False),))
    with pytest.raises(BackupRefused):
        restored(sealed(tmp_path, packed(hostile_tables(parts(backup), extra))), target)
    engine = server(target)
    with engine.connect() as c:
        assert inspect(c).get_table_names() == []
    engine.dispose()


def test_a_backup_replaces_only_a_backup(backup: Path, tmp_path: Path) -> None:
    filled(str(tmp_path / "a.sqlite"))
    before = (tmp_path / "a.sqlite").read_bytes()
    with pytest.raises(BackupRefused, match="no backup"):
        backed_up(str(tmp_path / "a.sqlite"), tmp_path / "a.sqlite")
    assert (tmp_path / "a.sqlite").read_bytes() == before
    (tmp_path / "b").write_bytes(backup.read_bytes())
    backed_up(str(tmp_path / "a.sqlite"), tmp_path / "b")
    with pytest.raises(BackupRefused, match="folder"):
        backed_up(str(tmp_path / "a.sqlite"), tmp_path / "nowhere" / "b")


def test_what_cannot_be_read_again_is_no_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that changes what was written: the file never gets its name."""
    filled(str(tmp_path / "a.sqlite"))
    genuine = sealing.seal

    def seal_badly(out: Any, pieces: Iterator[bytes], lock: Lock) -> Key:
        key = genuine(out, pieces, lock)
        out.seek(500)
        out.write(b"\x00\x01\x02")
        return key

    monkeypatch.setattr(sealing, "seal", seal_badly)
    before = set(tmp_path.iterdir())
    with pytest.raises(BackupRefused):
        backed_up(str(tmp_path / "a.sqlite"), tmp_path / "b")
    assert {one for one in set(tmp_path.iterdir()) - before if "a.sqlite" not in one.name} == set()


KILLED = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from tests import test_backup as t
def tell(stage, *_):
    if stage == sys.argv[4]:
        print("reached", flush=True)
        time.sleep(60)
t.quiet = tell
t.restored(Path(sys.argv[1]), sys.argv[2], t.Key(identities=(sys.argv[3],)))
"""


@to_each
@pytest.mark.parametrize("stage", ["load", "check"])
def test_killed_in_the_middle_nothing_is_there(backup: Path, target: str, stage: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(backup), target, str(SAME), stage],
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reached\n"
        process.send_signal(signal.SIGKILL)
    path = file_of(target)
    if path is not None:
        assert not path.exists()
    else:
        engine = server(target)
        with engine.connect() as c:
            assert inspect(c).get_table_names() == []
        engine.dispose()
    restored(backup, target)
    assert len(content(target)["observations"]) == len(rows_of("0001")["observations"])


@pytest.mark.lab
def test_a_full_disk_is_said_and_leaves_nothing_half(tmp_path: Path) -> None:
    """In a mount namespace of its own, on a memory disk of 2 MB."""
    script = """
import os, subprocess, sys
from pathlib import Path
from tests import test_backup as t
small, folder = Path(sys.argv[1]), Path(sys.argv[2])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(small)], check=True)
t.filled(str(folder / "a.sqlite"))
engine = t.open_ledger(folder / "a.sqlite")
with t.writing(engine) as c:
    for n in range(40):
        t.observations.append(c, t.upload(*[t.seen(f"10.1.{n}.{m}", SSH_BANNER=os.urandom(400).hex()) for m in range(250)]))
engine.dispose()
t.backed_up(str(folder / "a.sqlite"), folder / "b")
(small / "b").write_bytes(pyrage_old := (folder / "b").read_bytes()[:1000])
for work in (
    lambda: t.backed_up(str(folder / "a.sqlite"), small / "b"),
    lambda: t.restored(folder / "b", str(small / "x.sqlite")),
    lambda: t.move(t.look_at(folder / "a.sqlite"), small / "y.sqlite", t.NOW, t.quiet),
):
    try:
        work()
    except t.LedgerError as error:
        print(error.en)
    assert [one.name for one in small.iterdir()] == ["b"], list(small.iterdir())
    assert (small / "b").read_bytes() == pyrage_old
"""
    (tmp_path / "small").mkdir()
    run = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", sys.executable, "-c", script, tmp_path / "small", tmp_path],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    told = run.stdout.splitlines()
    assert [("disk is full" in line or "not enough space" in line) for line in told] == [True] * 3, told


def test_every_column_of_ours_can_be_copied(tmp_path: Path) -> None:
    """Whoever adds a column of a kind that backups do not know learns it here."""
    open_ledger(tmp_path / "a.sqlite").dispose()
    with look_at(tmp_path / "a.sqlite").connect() as c:
        shapes = {one.name: one for one in read_shapes(c)}
    assert set(shapes) == set(tables.metadata.tables)
    for name, table in tables.metadata.tables.items():
        assert {one.name for one in shapes[name].columns} == {column.name for column in table.columns}


def test_the_digest_is_that_of_the_rows_in_any_order() -> None:
    """Written down: the sum of SHA-256 over the MessagePack of each row, modulo 2^256."""
    some = [("a", 1, None, b"\x00"), ("日本", -1, 2**40, b"")]
    tally, other = rows.Tally(), rows.Tally()
    tally.add(rows.encode_rows(some))
    other.add(rows.encode_rows(some[::-1]))
    by_hand = [bytes.fromhex("94a16101c0c40100"), bytes.fromhex("94a6e697a5e69cacffcf0000010000000000c400")]
    total = sum(int.from_bytes(hashlib.sha256(row).digest(), "big") for row in by_hand)
    assert tally.digest == other.digest == f"{total % 2**256:064x}"
    other.add(rows.encode_rows(some[:1]))
    assert other.digest != tally.digest


def test_age_itself_opens_a_backup_for_recipients(backup: Path) -> None:
    """Nobody is locked in: age opens the seal, zlib the compression, and frames are described in archive.py."""
    opened = io.BytesIO()
    pyrage.decrypt_io(io.BytesIO(backup.read_bytes()), opened, [SAME])
    assert zlib.decompress(opened.getvalue())[:1] == b"H"
