# SPDX-License-Identifier: Apache-2.0
"""Opening ledgers, appending to them, and refusing what is not ours — on both databases."""

import importlib.util
import os
import random
import sqlite3
import stat
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from inventory_db import binding, bulk, observations, tables
from probes.facts import Scan, Sent, Upload, decode_upload, encode
from tests.inventory_cases import START, arp, seen, upload
from tests.inventory_engines import ledger_engine

__all__ = ["ledger_engine"]

TALK = "> b'hello'\n< b'SSH-2.0-x'"
BATCH = upload(
    arp("10.1.0.5", "00:11:22:33:44:55"),
    seen("10.1.0.5", minute=1, port=22, SSH_BANNER="SSH-2.0-OpenSSH_9.2p1", transcript=TALK),
    seen("10.1.0.6", minute=2, port=22, transcript=TALK),
    sent=(
        Sent(scan="s1", vantage="v-his", at=START, address="10.1.0.5", action="arp request", packets=1),
        Sent(scan="s1", vantage="v-his", at=START, address="10.1.0.6", action="tcp connect", packets=4),
    ),
)


def test_append_twice_is_append_once(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as c:
        first = observations.append(c, BATCH, "agent-1")
    with tables.writing(ledger_engine) as c:
        again = observations.append(c, BATCH, "agent-1")
        kept = list(observations.load(c))
    assert (first.observations_new, first.observations_known, first.sent_new, first.sent_known) == (
        3,
        0,
        2,
        0,
    )
    assert (again.observations_new, again.observations_known, again.sent_new, again.sent_known) == (
        0,
        3,
        0,
        2,
    )
    assert [o.id for o in kept] == [o.id for o in BATCH.observations]
    assert kept[1].facts == BATCH.observations[1].facts


def test_a_batch_that_repeats_itself_counts_the_repeat_as_known(ledger_engine: Engine) -> None:
    twice = upload(BATCH.observations[0], BATCH.observations[0])
    with tables.writing(ledger_engine) as c:
        done = observations.append(c, twice)
    assert (done.observations_new, done.observations_known) == (1, 1)


def test_transcript_is_stored_once_and_given_back(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as c:
        observations.append(c, BATCH)
        assert c.execute(text("SELECT count(*) FROM transcripts")).scalar_one() == 1
        ids = [o.id for o in BATCH.observations]
        assert observations.load_transcript(c, ids[1]) == TALK
        assert observations.load_transcript(c, ids[0]) is None
        assert observations.load_transcript(c, "0" * 32) is None


@pytest.mark.parametrize("size", [1, 4095, 4096, 4097, 200_000])
def test_a_transcript_of_any_length_comes_back_as_it_was(size: int) -> None:
    for said in ("ab" * size, random.Random(size).randbytes(size).hex()):
        packed = observations.pack(said[:size].encode())
        assert zlib.decompress(packed) == said[:size].encode()


SAID = ',"transcript":"'
HOSTILE = st.text(max_size=40) | st.just(SAID) | st.just(f'x{SAID}y"}}')


@given(HOSTILE, HOSTILE, st.booleans())
def test_a_row_is_what_would_be_written_out(reason: str, transcript: str, facts: bool) -> None:
    one = replace(
        seen("10.1.0.5", SSH_BANNER=reason) if facts else arp("10.1.0.5", "00:11:22:33:44:55"),
        reason=reason,
        transcript=transcript,
    )
    _, rows = observations._rows_of([one, one], "a", 0)
    (row,) = rows.values()
    assert row[0] == one.id
    assert row[-1] == encode(observations.as_stored(one))


def test_rows_in_many_come_out_as_they_went_in(ledger_engine: Engine) -> None:
    table, long = tables.observations, "い" * 255
    rows: list[bulk.Row] = [
        ("b" * 32, 2**62, -1, "a\tb\nc\rd\\N", "\\.", long, None, b"\x00\\\n\xff"),
        ("a" * 32, 0, 5, "", "s", "\U0001f3e5", "t" * 32, b""),
    ]
    with tables.writing(ledger_engine) as c:
        assert bulk.insert_new(c, table, rows) == 2
        others: list[bulk.Row] = [("a" * 32, *rows[0][1:]), ("c" * 32, *rows[0][1:])]
        assert bulk.insert_new(c, table, others) == 1  # of one that is known, the first stays
        assert bulk.insert_new(c, table, rows, often_known=True) == 0
    with ledger_engine.connect() as c:
        columns = [column for column in table.columns if column.name != "facility"]
        found = [tuple(row) for row in c.execute(select(*columns).order_by(table.c.id))]
    assert found == [rows[1], rows[0], others[1]]


def test_load_until_and_by_id(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as c:
        observations.append(c, BATCH)
        until = list(observations.load(c, until=START + timedelta(minutes=1)))
        some = observations.load_some(c, [BATCH.observations[2].id, "0" * 32])
    assert [o.address for o in until] == ["10.1.0.5", "10.1.0.5"]
    assert [o.address for o in some] == ["10.1.0.6"]


def test_journal_by_address(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as c:
        observations.append(c, BATCH)
        assert observations.journal(c) == sorted(BATCH.sent, key=lambda s: s.id)
        assert [s.packets for s in observations.journal(c, "10.1.0.6")] == [4]


def test_scan_state_never_goes_back(ledger_engine: Engine) -> None:
    states = [
        Scan(id="s", started=START, state="running", finished=3),
        Scan(id="s", started=START, state="complete", finished=9, ended=START),
        Scan(id="s", started=START, state="running", finished=5),
    ]
    with tables.writing(ledger_engine) as c:
        for state in states:
            observations.append(c, Upload(scans=(state,)))
        assert observations.scans(c) == [states[1]]


@pytest.mark.parametrize("table", ["observations", "journal", "transcripts", "human_entries"])
@pytest.mark.parametrize("verb", ["UPDATE {0} SET id = id", "DELETE FROM {0}"])
def test_the_log_refuses_changes(ledger_engine: Engine, table: str, verb: str) -> None:
    statement = verb.format(table).replace(
        "id = id", "entry = entry" if table == "human_entries" else "id = id"
    )
    with tables.writing(ledger_engine) as c:
        observations.append(c, BATCH)
        c.execute(
            tables.human_entries.insert().values(device_id="d", column="説明", value="x", who="y", at=0)
        )
    with pytest.raises(DBAPIError, match="append-only"), tables.writing(ledger_engine) as c:
        c.execute(text(statement))


def test_hostile_text_is_kept_and_harms_nothing(ledger_engine: Engine) -> None:
    nasty = "x\x00y'; DROP TABLE observations; --" * 50
    raw = encode(upload(seen("10.1.0.9", reason=nasty, scan=nasty, NAME="=cmd()")))
    batch = decode_upload(raw)
    batch = Upload(observations=(*batch.observations, replace(batch.observations[0], address=nasty)))
    with tables.writing(ledger_engine) as c:
        assert observations.append(c, batch, nasty).observations_new == 2
        assert {o.id for o in observations.load(c)} == {o.id for o in batch.observations}


@given(st.randoms(use_true_random=False), st.integers(1, 5))
def test_any_order_and_any_split_give_the_same_log(rng: random.Random, parts: int) -> None:
    entries = list(BATCH.observations) * 2
    rng.shuffle(entries)
    engine = binding.bind(binding.install(create_engine("sqlite://")), 1)
    tables.metadata.create_all(engine)
    with engine.begin() as c:
        for part in range(parts):
            observations.append(c, Upload(observations=tuple(entries[part::parts])))
        assert [o.id for o in observations.load(c)] == [o.id for o in BATCH.observations]


def test_migrations_make_exactly_the_tables(ledger_engine: Engine) -> None:
    if importlib.util.find_spec("collector.agent_tables"):
        importlib.import_module("collector.agent_tables")
    config = tables.migrations()
    with ledger_engine.connect() as c:
        config.attributes["connection"] = c
        command.check(config)


def test_opening_again_keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "台帳.sqlite"
    with tables.writing(tables.open_ledger(path)) as c:
        observations.append(c, BATCH)
    with tables.open_ledger(f"sqlite:///{path}").connect() as c:
        assert len(list(observations.load(c))) == 3
        assert c.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert c.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
        assert c.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


def test_many_may_open_a_new_ledger_at_once(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    with ThreadPoolExecutor(6) as pool:
        engines = list(pool.map(lambda _: tables.open_ledger(path), range(6)))
    with engines[0].connect() as c:
        assert c.execute(text("SELECT count(*) FROM daicho_marks")).scalar_one() == 1
    for engine in engines:
        engine.dispose()


def test_a_ledger_is_ours_while_its_log_is_brought_home(tmp_path: Path) -> None:
    """A checkpoint writes page 1 first; its header counts pages that the file does not hold yet."""
    path = tmp_path / "x.sqlite"
    engine = tables.open_ledger(path)
    with engine.connect() as c:
        c.exec_driver_sql("PRAGMA wal_autocheckpoint = 0")
        with tables.writing(engine) as writer:
            observations.append(
                writer, Upload(observations=tuple(seen(f"10.1.0.{n}") for n in range(1, 200)))
            )
        log = (tmp_path / "x.sqlite-wal").read_bytes()
        (size,) = struct.unpack_from(">I", log, 8)
        frames = range(32, len(log), 24 + size)
        first = [at + 24 for at in frames if struct.unpack_from(">I", log, at) == (1,)][-1]
        with path.open("r+b") as file:
            file.write(log[first : first + size])
        assert path.stat().st_size < size * struct.unpack_from(">I", log, first + 28)[0]
        tables.open_ledger(path, create=False).dispose()
    engine.dispose()


@pytest.mark.postgres
def test_many_may_open_a_new_database_at_once(postgres_url: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        engines = list(pool.map(lambda _: tables.open_ledger(postgres_url), range(6)))
    with engines[0].connect() as c:
        assert c.execute(text("SELECT count(*) FROM daicho_marks")).scalar_one() == 1
    for engine in engines:
        engine.dispose()


def test_two_writers_wait_for_each_other(ledger_engine: Engine) -> None:
    def write(part: int) -> int:
        entries = [seen(f"10.1.0.{n}", minute=part) for n in range(1, 50)]
        with tables.writing(ledger_engine) as c:
            return observations.append(
                c, Upload(observations=(*entries, *BATCH.observations))
            ).observations_new

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(write, range(4))) == 4 * 49 + 3


FOREIGN = [b"id,name\n1,x\n", b"SQLite format 3\x00" + b"\x00" * 84, b"SQLite format 3\x00", b"\x00" * 4096]


@pytest.mark.parametrize("content", FOREIGN)
def test_a_foreign_file_is_refused_untouched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.sqlite"
    path.write_bytes(content)
    with pytest.raises(tables.NotOurLedger) as caught:
        tables.open_ledger(path)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]
    assert "触れていません" in caught.value.ja
    assert "not touched" in caught.value.en


def test_somebody_elses_sqlite_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE observations (id)")
    raw.commit()
    raw.close()
    before = path.read_bytes()
    with pytest.raises(tables.NotOurLedger):
        tables.open_ledger(path)
    assert path.read_bytes() == before


def test_a_newer_ledger_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    tables.open_ledger(path).dispose()
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA user_version = 9999")
    raw.commit()
    raw.close()
    before = path.read_bytes()
    with pytest.raises(tables.NewerLedger) as caught:
        tables.open_ledger(path)
    assert path.read_bytes() == before
    assert "更新" in caught.value.ja


@pytest.mark.parametrize(
    "target", ["mysql://x/y", "postgresql+psycopg://[", "postgresql+psycopg://127.0.0.1:1/x"]
)
def test_a_bad_target_is_a_clear_sentence(target: str) -> None:
    with pytest.raises(tables.LedgerUnreadable) as caught:
        tables.open_ledger(target)
    assert caught.value.ja.endswith("。")
    assert "Traceback" not in caught.value.en


def test_absent_damaged_and_a_folder(tmp_path: Path) -> None:
    for target in (tmp_path / "none.sqlite", tmp_path):
        with pytest.raises(tables.LedgerUnreadable):
            tables.open_ledger(target, create=False)
    assert list(tmp_path.iterdir()) == []
    path = tmp_path / "damaged.sqlite"
    tables.open_ledger(path).dispose()
    path.write_bytes(path.read_bytes()[:100] + os.urandom(8192))
    with pytest.raises(tables.LedgerUnreadable):
        tables.open_ledger(path)


def test_a_ledger_is_private_to_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    tables.open_ledger(path).dispose()
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


@pytest.mark.postgres
def test_a_foreign_and_a_newer_database_are_refused(postgres_url: str) -> None:
    engine = tables.open_ledger(postgres_url)
    with engine.begin() as c:
        c.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(tables.NewerLedger):
        tables.open_ledger(postgres_url)
    with engine.begin() as c:
        c.execute(text("DROP TABLE daicho_marks"))
    with pytest.raises(tables.NotOurLedger):
        tables.open_ledger(postgres_url)
    engine.dispose()
    assert make_url(postgres_url).database


@pytest.fixture
def postgres_url() -> Iterator[str]:
    from tests.inventory_engines import postgres_schema

    yield from postgres_schema()


def test_opening_it_again_keeps_our_locks(tmp_path: Path) -> None:
    """A second opening in this process must not let another program think that it is the last to close."""
    path = tmp_path / "l.sqlite"
    first = tables.open_ledger(path)
    with tables.writing(first) as c:
        observations.append(c, BATCH)
    tables.open_ledger(path).dispose()
    script = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute('SELECT count(*) FROM scans').fetchone(); c.close()"
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    with tables.writing(first) as c:
        c.execute(tables.marks.insert().values(key="later", value="x"))
    script = "import sqlite3,sys; print(sqlite3.connect(sys.argv[1]).execute(\"SELECT count(*) FROM daicho_marks WHERE key='later'\").fetchone()[0])"
    seen = subprocess.run(
        [sys.executable, "-c", script, str(path)], check=True, capture_output=True, text=True
    )
    assert seen.stdout.strip() == "1"
